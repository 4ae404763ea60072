// The pages beside the form: fine pictures where they are seen larger than the preview, words to click and select, the
// evidence of the focused field outlined, the next document's first page fetched ahead. Coordinates are fractions of the page.
"use strict";

const viewer = (() => {
  let desk = null, seen = null, current = 1, anchor = null;
  let ahead = new Map(); // picture address -> picture fetched ahead, of the next document only
  const sheetOf = (page) => desk.querySelector(`.sheet[data-page="${page}"]`);
  const placeOf = (text) => {
    const [page, ...box] = (text || "").trim().split(/\s+/).map(Number);
    return page && box.length === 4 ? { page, box } : null;
  };

  function put(element, [x0, y0, x1, y1]) { // a box over a page
    Object.assign(element.style, { left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` });
  }

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
      put(span, word.box);
      span.style.fontSize = `${(word.box[3] - word.box[1]) * 85}cqh`;
      found.append(span);
    });
    layer.replaceChildren(found);
  }

  // --- evidence ---------------------------------------------------------------------------------------------------
  function marks() { // a faint frame for every field's place
    for (const item of desk.querySelectorAll("[data-place]")) {
      const place = placeOf(item.dataset.place), sheet = place && sheetOf(place.page);
      if (!sheet || item.frame?.isConnected) continue;
      item.frame = document.createElement("div");
      item.frame.className = "frame";
      put(item.frame, place.box);
      sheet.firstElementChild.append(item.frame);
    }
  }

  function show(item) { // the place of the focused field outlined, its line cut out below the form
    desk.querySelectorAll(".frame--here").forEach((frame) => frame.classList.remove("frame--here"));
    const place = item && placeOf(item.dataset.place);
    if (item?.dataset.why) desk.querySelector("#why").textContent = item.dataset.why;
    const canvas = desk.querySelector("#snippet");
    canvas.hidden = !place;
    if (!place) return;
    const sheet = sheetOf(place.page), picture = sheet?.querySelector("img");
    item.frame?.classList.add("frame--here");
    if (item.frame) item.frame.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (picture?.complete && picture.naturalWidth) snippet(canvas, picture, place.box);
  }

  function snippet(canvas, picture, [x0, y0, x1, y1]) {
    const { naturalWidth: w, naturalHeight: h } = picture, pad = Math.max((y1 - y0) * 0.5, 0.006);
    const left = Math.max(x0 - 0.02, 0) * w, top = Math.max(y0 - pad, 0) * h;
    const width = Math.min(Math.max(x1 + 0.02, x0 + 0.4), 1) * w - left, height = Math.min(Math.min(y1 + pad, 1) * h - top, width);
    canvas.width = Math.max(width, 1);
    canvas.height = Math.max(height, 1);
    canvas.getContext("2d").drawImage(picture, left, top, width, height, 0, 0, width, height);
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
    marks();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
    show(item);
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
    for (const kind of ["vorschau", "bild"]) {
      const address = `/seiten/${next}/1/${kind}`;
      ahead.set(address, Object.assign(new Image(), { src: address }));
    }
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
    marks();
    setTimeout(() => desk === section && fetchAhead(), 300);
  }
  return { start, show, field: null, turnTo: (page) => { sheetOf(page)?.scrollIntoView({ block: "start" }); turnTo(page); }, get page() { return current; } };
})();
