// The desk by keyboard. In fields only Tab, Enter, Ctrl+Enter and Esc; letters and digits count outside of them, and not at
// all when they are switched off (body data-tasten="aus", WCAG 2.1.4).
"use strict";

(() => {
  let desk = null;
  const typing = (element) => element.matches("textarea, select, [contenteditable]") ||
    (element.matches("input") && !["radio", "checkbox", "button", "submit"].includes(element.type));
  const doubts = () => [...desk.querySelectorAll("[data-doubt]")];
  const control = (item) => item.matches("button") ? item : item.querySelector("input:checked") || item.querySelector(".option input") || item.querySelector("input, select, textarea");

  function start(section) {
    if (!section || section === desk) return;
    desk = section;
    window.htmx?.process(desk); // at once: a fast clerk presses before htmx has settled
    drafts.restore(desk);
    viewer.start(desk);
    viewer.field = null;
    next(null);
  }

  function next(after) { // focus on the first doubtful place behind `after`, then those before it, then the button
    const all = doubts(), behind = after ? all.filter((item) => after.compareDocumentPosition(item) & Node.DOCUMENT_POSITION_FOLLOWING) : all;
    const item = behind[0] || all[0];
    item?.closest("details")?.setAttribute("open", "");
    (item ? control(item) : desk.querySelector("#ablegen") || desk).focus({ preventScroll: !item });
  }

  function confirm(element) { // seen by a person: no longer doubtful; on to the next
    const item = element.closest("[data-doubt], .field, .group") || element;
    item.removeAttribute("data-doubt");
    drafts.mark(item);
    next(item);
  }

  function choose(number, element) { // candidate 1-3 of the Akte when the focus is there, else of the Aktenplan
    const group = element.closest('[data-group="file"]') || desk.querySelector('[data-group="entry"]');
    const chosen = group?.querySelectorAll(".option:not(.option--found) label kbd")[number - 1]?.closest(".option").querySelector("input");
    if (!chosen) return;
    chosen.checked = true;
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
    confirm(chosen);
  }

  document.addEventListener("keydown", (event) => {
    if (!desk?.isConnected || event.isComposing) return;
    const { key, target } = event, dialog = document.querySelector("dialog[open]");
    if (dialog) {
      if (key !== "Enter" || !(event.ctrlKey || target.matches?.("input"))) return;
      event.preventDefault(); // never the form behind it
      dialog.querySelector("[data-enter]")?.click();
      return;
    }
    if (key === "Enter" && event.ctrlKey) {
      event.preventDefault();
      desk.querySelector("#ablegen")?.click();
    } else if (key === "Enter" && target.matches?.("#form input, #form select, [data-confirms]")) {
      event.preventDefault();
      const found = target.matches(".find") && desk.querySelector(`#gefunden-${target.id.slice(6)} input`);
      if (found) found.click();
      confirm(target);
    } else if (key === "Escape" && typing(target) && desk.contains(target)) {
      desk.focus({ preventScroll: true });
    } else if (key === "ArrowDown" && target.matches?.(".find")) {
      event.preventDefault();
      desk.querySelector(`#gefunden-${target.id.slice(6)} input`)?.focus();
    } else if (!typing(target) && !event.ctrlKey && !event.altKey && !event.metaKey && document.body.dataset.tasten === "an") {
      letter(event);
    }
  });

  function letter(event) {
    const button = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key && one.getAttribute("aria-disabled") !== "true");
    if (/^[1-3]$/.test(event.key)) choose(Number(event.key), event.target);
    else if (event.key === "s" || event.key === "a") desk.querySelector(event.key === "s" ? "#suche-entry" : "#suche-file")?.focus();
    else if (button) button.click();
    else return;
    event.preventDefault();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-opens], [data-closes], [data-show], [data-take], [data-confirms]");
    if (!button || !desk?.contains(button)) return;
    if (button.dataset.opens) document.getElementById(button.dataset.opens).showModal();
    else if ("closes" in button.dataset) button.closest("dialog").close();
    else if (button.dataset.show) viewer.turnTo(Number(button.dataset.show));
    else if ("take" in button.dataset) {
      const input = button.closest(".field").querySelector("input");
      input.value = button.textContent;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    } else confirm(button);
  });

  document.addEventListener("focusin", (event) => {
    const item = event.target.closest?.("[data-field], .option");
    if (!desk?.contains(event.target) || !item) return;
    if (item.dataset.field) viewer.field = event.target.matches("input") ? event.target : viewer.field;
    viewer.show(item);
  });

  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap", "htmx:load"]) document.addEventListener(name, () => start(document.getElementById("desk")));
  if (document.readyState !== "loading") start(document.getElementById("desk"));
})();
