// A file as the body of one request; what the server says of it, line by line.
"use strict";

for (const form of document.querySelectorAll("[data-einlesen]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [file] = form.querySelector("input[type=file]").files;
    const report = document.querySelector("[data-bericht]");
    report.textContent = `${file.name}: wird eingelesen …`;
    const answer = await fetch(`${form.dataset.einlesen}?name=${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: file,
      headers: {
        "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content,
        "Content-Type": "application/octet-stream",
      },
    });
    if (answer.status === 401) askAgain();
    const said = await answer.json();
    report.textContent = answer.ok ? said.lines.join("\n") : `! ${said.title}`;
  });
}
