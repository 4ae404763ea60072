// What all screens share: the CSRF token on every htmx call, signing in again without losing what was typed, live lists,
// upload by drag and drop. No inline handlers (CSP), no state but the page's own.
"use strict";

const meta = (name) => document.querySelector(`meta[name="${name}"]`);

// --- every call of htmx carries the session's token -----------------------------------------------------------------
document.addEventListener("htmx:configRequest", (event) => {
  const token = meta("csrf");
  if (token) event.detail.headers["X-CSRF-Token"] = token.content;
  if (event.detail.elt.dataset.hintergrund !== undefined) event.detail.headers["Poststelle-Background"] = "1";
});

// an error's fragment is swapped in by itself (it aims at #meldungen); a 401 asks for the password instead
document.addEventListener("htmx:beforeSwap", (event) => {
  const status = event.detail.xhr.status;
  if (status === 401) {
    askAgain();
  } else if (status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.swapOverride = "none"; // only what is out of band
  }
});

// --- signing in again: the dialog over the page, which stays as it is ------------------------------------------------
function askAgain() {
  const dialog = document.getElementById("anmeldung");
  if (dialog && !dialog.open) dialog.showModal();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!("wieder" in form.dataset)) return;
  event.preventDefault();
  const wrong = form.querySelector("[data-fehler]");
  const answer = await fetch("/anmelden/wieder", { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const said = await answer.json();
  if (!answer.ok) {
    wrong.textContent = said.title;
    wrong.hidden = false;
    return;
  }
  const before = meta("csrf").content;
  meta("csrf").content = said.csrf;
  for (const field of document.querySelectorAll(`input[name="csrf"]`)) {
    if (field.value === before) field.value = said.csrf;
  }
  wrong.hidden = true;
  form.reset();
  document.getElementById("anmeldung").close();
  document.dispatchEvent(new CustomEvent("poststelle:angemeldet"));
});

// plain forms, too: ask first whether the session still lives, so that nothing typed is lost with the page
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || !meta("csrf") || "wieder" in form.dataset) return;
  if (form.hasAttribute("hx-post") || form.dataset.geprueft === "ja") return;
  event.preventDefault();
  const button = event.submitter;
  const answer = await fetch("/anmelden/stand", { headers: { "Poststelle-Background": "1" } });
  if (answer.status === 401) {
    askAgain();
    return;
  }
  form.dataset.geprueft = "ja";
  form.requestSubmit(button);
  delete form.dataset.geprueft;
});

// --- live lists: the server says that something changed, the list asks for itself -------------------------------------
const live = document.querySelector("[data-live]");
if (live && "EventSource" in window) {
  const source = new EventSource(live.dataset.live);
  source.addEventListener("geaendert", () => document.body.dispatchEvent(new Event("geaendert")));
  source.addEventListener("ende", () => source.close());
  addEventListener("pagehide", () => source.close());
}

// --- the user menu closes when one clicks beside it or presses Esc -----------------------------------------------------
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.usermenu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("details.usermenu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

for (const button of document.querySelectorAll("[data-drucken]")) button.addEventListener("click", () => window.print());
