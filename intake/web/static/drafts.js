// What was typed and is not saved yet survives the page: kept in this tab until it is saved (session over, reload, a slip).
"use strict";

const drafts = (() => {
  const key = (id) => `entwurf:${id}`;
  const inputs = (desk) => desk.querySelectorAll('#form .field input:not([type="hidden"]), #form .field select');
  const hiddenOf = (input) => input.closest(".field")?.querySelector('input[type="hidden"]');

  function keep(desk) {
    const values = {};
    for (const input of inputs(desk)) {
      if (input.dataset.typed !== undefined) values[input.id] = [input.type === "checkbox" ? input.checked : input.value, hiddenOf(input)?.value || ""];
    }
    for (const name of ["entry", "file"]) {
      const chosen = desk.querySelector(`input[name="${name}"]:checked`);
      if (chosen?.dataset.typed !== undefined) values[chosen.id] = [true, ""];
    }
    const id = key(desk.dataset.document);
    if (Object.keys(values).length) sessionStorage.setItem(id, JSON.stringify(values));
    else sessionStorage.removeItem(id);
  }

  function restore(desk) { // also into the document that came of a cut or join
    const id = key(desk.dataset.document), from = key(desk.dataset.from), moved = sessionStorage.getItem(from);
    if (moved) {
      sessionStorage.setItem(id, moved);
      sessionStorage.removeItem(from);
    }
    const kept = JSON.parse(sessionStorage.getItem(id) || "{}");
    for (const [name, [value, place]] of Object.entries(kept)) {
      const input = document.getElementById(name);
      if (!input) continue;
      input.dataset.typed = "";
      if (input.type === "radio" || input.type === "checkbox") input.checked = value;
      else input.value = value;
      if (place && hiddenOf(input)) hiddenOf(input).value = input.closest(".field").dataset.place = place;
      if (input.type !== "radio") mark(input.closest("[data-field]"));
    }
  }

  function mark(item) { // a person's value: sign and word
    const sign = item?.querySelector("[data-mark]");
    if (!sign) return;
    sign.className = "mark mark--human";
    sign.innerHTML = '<span aria-hidden="true">☑</span><span class="hidden-visually">von Hand</span>';
  }

  return { keep, restore, mark, forget: (id) => sessionStorage.removeItem(key(id)) };
})();
