// Pages to read: words to select, the words that were searched for marked, fine pictures where they are seen larger.
"use strict";

(() => {
  const pages = document.getElementById("seiten");
  if (!pages) return;
  const wanted = (pages.dataset.hits || "").toLowerCase().split(" ").filter((word) => word.length > 1);

  async function open(sheet) {
    const picture = sheet.querySelector("img");
    const answer = await fetch(picture.dataset.words, { headers: { "Poststelle-Background": "1" } });
    if (answer.ok) words(sheet.querySelector(".words"), (await answer.json()).words);
    if (sheet.clientWidth * devicePixelRatio <= (picture.naturalWidth || 900) * 1.05) return;
    const better = Object.assign(new Image(), { src: picture.dataset.fine, alt: picture.alt });
    try {
      await better.decode();
    } catch {
      return; // the preview stays
    }
    picture.replaceWith(better);
  }

  function words(layer, found) {
    for (const word of found) {
      const [x0, y0, x1, y1] = word.box, span = document.createElement("span"), text = word.text.toLowerCase();
      span.textContent = `${word.text} `;
      Object.assign(span.style, { left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%`, fontSize: `${(y1 - y0) * 85}cqh` });
      if (wanted.some((one) => text.includes(one))) span.className = "hit";
      layer.append(span);
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      open(entry.target);
    }
  }, { root: null });
  pages.querySelectorAll(".sheet").forEach((sheet) => seen.observe(sheet));
})();
