// The pages beside the form: fine pictures where they are seen larger than the preview, words to click and select, the
// evidence of the focused field outlined, the next document's first pages fetched ahead. Coordinates are fractions of the page.
"use strict";

const viewer = (() => {
  let desk = null, seen = null, current = 1, anchor = null;
  const AHEAD = 3; // so many pages of the next document; further ones are drawn when they are looked at
  let ahead = new Map(); // picture address -> picture fetched ahead, of the next document only
  const sheetOf = (page) => desk.querySelector(`.sheet[data-page="${page}"]`);
  // --- pictures ---------------------------------------------------------------------------------------------------
  function lay(sheet, picture) { // turned pages take the room they need
    if (!picture.naturalWidth) return;
    const ratio = picture.naturalWidth / picture.naturalHeight;
    const lying = sheet.classList.contains("turn90") || sheet.classList.contains("turn270");
    sheet.style.aspectRatio = String(lying ? 1 / ratio : ratio);
    sheet.firstElementChild.style.width = lying ? `${ratio * 100}%` : "100%";
  }

  async function refine(sheet) {
    const picture = sheet.querySelector("img"), fine = picture.dataset.fine;
    if (!fine || !picture.naturalWidth || sheet.clientWidth * devicePixelRatio <= picture.naturalWidth * 1.05) return;
    delete picture.dataset.fine;
    const better = ahead.get(fine) || Object.assign(new Image(), { src: fine });
    try {
      await better.decode();
    } catch {
      return; // the preview stays
    }
    better.alt = picture.alt;
    better.dataset.words = picture.dataset.words || "";
    if (picture.isConnected) picture.replaceWith(better);
  }

  async function load(sheet) { // words and evidence of a page that came into view
    const picture = sheet.querySelector("img"), address = picture.dataset.words;
    if (picture.complete) lay(sheet, picture);
    picture.addEventListener("load", () => { lay(sheet, picture); refine(sheet); }, { once: true });
    if (picture.complete) refine(sheet);
    if (!address || sheet.dataset.loaded) return;
    sheet.dataset.loaded = "1";
    const answer = await fetch(address, { headers: { "Poststelle-Background": "1" } });
    if (!answer.ok) return;
    const layer = sheet.querySelector(".words"), found = document.createDocumentFragment();
    (await answer.json()).words.forEach((word, place) => {
      const span = document.createElement("span");
      span.textContent = `${word.text} `;
      span.dataset.place = place;
      span.dataset.box = word.box.join(" ");
      evidence.put(span, word.box);
      span.style.fontSize = `${(word.box[3] - word.box[1]) * 85}cqh`;
      found.append(span);
    });
    layer.replaceChildren(found);
  }

  // --- a word into the focused field --------------------------------------------------------------------------------
  function take(spans) {
    const input = viewer.field;
    if (!input?.isConnected || !spans.length) return;
    const item = input.closest(".field"), page = spans[0].closest(".sheet").dataset.page;
    const boxes = spans.map((span) => span.dataset.box.split(" ").map(Number));
    const edge = (side, pick) => pick(...boxes.map((box) => box[side]));
    const place = [page, edge(0, Math.min), edge(1, Math.min), edge(2, Math.max), edge(3, Math.max)].join(" ");
    input.value = spans.map((span) => span.textContent.trim()).join(" ");
    item.querySelector('input[type="hidden"]').value = item.dataset.place = place;
    item.dataset.why = `„${input.value}“, Seite ${page}, von Ihnen gewählt`;
    item.frame?.remove();
    evidence.marks(desk);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
    evidence.show(desk, item);
  }

  document.addEventListener("mouseup", (event) => {
    const span = event.target.closest?.(".words span"), chosen = getSelection();
    if (!span || !desk) return;
    const all = [...span.parentElement.children];
    const dragged = chosen.isCollapsed ? [] : all.filter((one) => chosen.containsNode(one, true));
    if (dragged.length > 1) take(dragged);
    else if (event.shiftKey && anchor?.parentElement === span.parentElement) {
      const [from, to] = [all.indexOf(anchor), all.indexOf(span)].sort((a, b) => a - b);
      take(all.slice(from, to + 1));
    } else take([(anchor = span)]);
    chosen.removeAllRanges();
  });

  function turnTo(page) { // the page the page keys mean
    current = page;
    desk.querySelector("#seite").value = page;
    desk.querySelectorAll("[data-show]").forEach((one) => one.toggleAttribute("aria-current", Number(one.dataset.show) === page));
  }

  function fetchAhead() {
    const next = desk.dataset.next;
    ahead = new Map();
    if (!next || next === desk.dataset.document) return;
    const pages = Math.min(Number(desk.dataset.nextPages) || 1, AHEAD);
    for (let page = 1; page <= pages; page++) fetched(next, page, "vorschau");
    const fine = (page) => { // one after the other: each is drawn by the server when it is asked for the first time
      if (page > pages || desk.dataset.next !== next) return;
      const picture = fetched(next, page, "bild");
      for (const done of ["load", "error"]) picture.addEventListener(done, () => fine(page + 1), { once: true });
    };
    fine(1);
  }

  function fetched(document, page, kind) {
    const address = `/seiten/${document}/${page}/${kind}`, picture = Object.assign(new Image(), { src: address });
    ahead.set(address, picture);
    return picture;
  }

  function start(section) { // a document came to the desk
    desk = section;
    anchor = null;
    seen?.disconnect();
    const frame = desk.querySelector("#viewer");
    for (const picture of frame.querySelectorAll("img")) {
      const known = ahead.get(picture.getAttribute("src"));
      if (!known?.complete || !known.naturalWidth) continue; // fetched ahead: shown without waiting
      Object.assign(known.dataset, picture.dataset);
      known.alt = picture.alt;
      picture.replaceWith(known);
    }
    seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) load(entry.target);
      const top = frame.scrollTop + frame.clientHeight / 3;
      const at = [...frame.querySelectorAll(".sheet")].findLast((sheet) => sheet.offsetTop <= top);
      if (at) turnTo(Number(at.dataset.page));
    }, { root: frame, threshold: [0, 0.25, 0.5, 0.75] });
    frame.querySelectorAll(".sheet").forEach((sheet) => seen.observe(sheet));
    evidence.marks(desk);
    if (Number(desk.dataset.at) > 1) viewer.turnTo(Number(desk.dataset.at));
    setTimeout(() => desk === section && fetchAhead(), 300);
  }
  return { start, show: (item) => evidence.show(desk, item), field: null, turnTo: (page) => { sheetOf(page)?.scrollIntoView({ block: "start" }); turnTo(page); }, get page() { return current; } };
})();
