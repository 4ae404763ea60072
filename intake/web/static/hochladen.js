// Files by choice or by drag and drop: each is the body of one request, so that nothing is buffered and each is told apart.
"use strict";

const upload = document.querySelector("[data-hochladen]");
const told = document.querySelector("[data-hochgeladen]");

if (upload) {
  const input = upload.querySelector("input[type=file]");
  input.addEventListener("change", () => { sendAll([...input.files]); input.value = ""; });
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) { event.preventDefault(); document.body.classList.add("dropping"); }
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    document.body.classList.remove("dropping");
    sendAll([...event.dataTransfer.files]);
  });
}

async function sendAll(files) {
  for (const file of files) await sendOne(file, key(file));
}

// the same for the same file until the page is left, so that a repeat after a broken line is no second letter
const keys = new WeakMap();
function key(file) {
  if (!keys.has(file)) keys.set(file, `${Date.now()}-${[...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16)).join("")}`);
  return keys.get(file);
}

async function sendOne(file, idempotency) {
  const line = document.createElement("li");
  line.textContent = `${file.name}: wird gesendet …`;
  told.append(line);
  const door = upload.elements.eingang.value;
  try {
    const answer = await fetch(`/posteingang/hochladen?eingang=${encodeURIComponent(door)}`, {
      method: "POST",
      body: file,
      headers: {
        "X-CSRF-Token": document.querySelector('meta[name="csrf"]').content,
        "Idempotency-Key": idempotency,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      },
    });
    const said = await answer.json();
    line.textContent = answer.ok
      ? `✓ ${file.name}: ${said.twin_of ? "ist eine Dublette" : "aufgenommen"}`
      : `! ${file.name}: ${said.title}`;
    if (answer.ok) document.body.dispatchEvent(new Event("geaendert"));
    if (answer.ok || answer.status !== 401) return;
  } catch {
    line.textContent = `! ${file.name}: Die Verbindung brach ab.`;
  }
  const again = document.createElement("button");
  again.className = "plain";
  again.textContent = "Noch einmal senden";
  again.addEventListener("click", () => { line.remove(); sendOne(file, idempotency); });
  line.append(" ", again);
  if (typeof askAgain === "function" && line.textContent.includes("abgelaufen")) askAgain();
}
