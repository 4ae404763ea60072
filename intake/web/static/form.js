// What happens in the form of the desk: every change marks its field, keeps a draft, and takes Akte and Aktenplan along.
"use strict";

(() => {
  const section = () => document.getElementById("desk");

  function changed(event) {
    const item = event.target.closest?.("[data-field], .option");
    const desk = section();
    if (!desk?.contains(event.target) || (!item && event.target.id !== "urgent")) return;
    event.target.dataset.typed = "";
    if (event.target.type === "radio") place(event.target);
    else if (item) drafts.mark(item);
    drafts.keep(desk);
  }
  document.addEventListener("input", changed);
  document.addEventListener("change", (event) => event.target.type === "radio" && changed(event));

  function place(radio) { // Akte and Aktenplan belong together: choosing one takes the other along
    const desk = section();
    for (const other of desk.querySelectorAll(`input[name="${radio.name}"]`)) if (other !== radio) delete other.dataset.typed;
    const own = radio.closest(".option").dataset.entry, pick = (selector) => desk.querySelector(selector);
    let partner = null;
    if (radio.name === "file" && own) partner = pick(`input[name="entry"][value="${CSS.escape(own)}"]`) || hidden(own);
    if (radio.name === "entry" && pick('input[name="file"]:checked')?.closest(".option").dataset.entry !== radio.value) {
      partner = pick(`[data-group="file"] [data-entry="${CSS.escape(radio.value)}"] input`) || pick('input[name="file"][value="neu"]');
    }
    if (!partner || partner.checked) return;
    partner.checked = true;
    partner.dataset.typed = "";
    partner.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function hidden(entry) { // the entry of a found Akte that is no candidate: chosen without a line of its own
    const made = Object.assign(document.createElement("input"), { type: "radio", name: "entry", value: entry, hidden: true, id: `entry-${entry}` });
    const line = Object.assign(document.createElement("div"), { className: "option option--found", hidden: true });
    line.append(made);
    section().querySelector("#gefunden-entry").after(line);
    return made;
  }

  document.addEventListener("submit", (event) => { // htmx sends it; the browser itself never (it would put the form into the address)
    if (event.target.id === "form") event.preventDefault();
  });
  document.addEventListener("htmx:afterRequest", (event) => { // saved: the draft is done with
    const path = event.detail.requestConfig?.path || "";
    if (event.detail.successful && /\/(ablegen|zurueckstellen|klaerung|zurueckweisen)$/.test(path)) drafts.forget(path.split("/")[2]);
  });
})();
