// Where values stand on the pages: a faint frame each, the focused field's outlined and its line cut out below the form.
// Coordinates are fractions of the page.
"use strict";

const evidence = (() => {
  const sheetOf = (desk, page) => desk.querySelector(`.sheet[data-page="${page}"]`);
  const placeOf = (text) => {
    const [page, ...box] = (text || "").trim().split(/\s+/).map(Number);
    return page && box.length === 4 ? { page, box } : null;
  };

  function put(element, [x0, y0, x1, y1]) { // a box over a page
    Object.assign(element.style, { left: `${x0 * 100}%`, top: `${y0 * 100}%`, width: `${(x1 - x0) * 100}%`, height: `${(y1 - y0) * 100}%` });
  }

  function marks(desk) { // a faint frame for every field's place
    for (const item of desk.querySelectorAll("[data-place]")) {
      const place = placeOf(item.dataset.place), sheet = place && sheetOf(desk, place.page);
      if (!sheet || item.frame?.isConnected) continue;
      item.frame = document.createElement("div");
      item.frame.className = "frame";
      put(item.frame, place.box);
      sheet.firstElementChild.append(item.frame);
    }
  }

  function show(desk, item) { // the place of the focused field outlined, its line cut out below the form
    desk.querySelectorAll(".frame--here").forEach((frame) => frame.classList.remove("frame--here"));
    const place = item && placeOf(item.dataset.place);
    if (item?.dataset.why) desk.querySelector("#why").textContent = item.dataset.why;
    const canvas = desk.querySelector("#snippet");
    canvas.hidden = !place;
    if (!place) return;
    const sheet = sheetOf(desk, place.page), picture = sheet?.querySelector("img");
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

  return { marks, show, put };
})();
