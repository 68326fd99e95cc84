// The form: choose or drop a recording, and watch it go.

import { upload } from "./api.js";

export function setUpUpload(onAccepted) {
  const form = document.getElementById("upload");
  const drop = form.querySelector(".drop");
  const input = document.getElementById("recording");
  const chosen = document.getElementById("chosen");
  const problem = document.getElementById("upload-problem");
  const sending = document.getElementById("sending");
  const sent = document.getElementById("sent");
  let transfer = null;

  function showChosen() {
    const file = input.files[0];
    chosen.hidden = !file;
    problem.hidden = true;
    if (!file) return;
    document.getElementById("chosen-name").textContent = `${file.name} (${inWords(file.size)})`;
    chosen.querySelector("button").focus();
  }

  // A file dropped beside the staff would otherwise replace the page.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, () => drop.classList.add("over"));
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    showChosen();
  });
  input.addEventListener("change", showChosen);
  document.getElementById("abort").addEventListener("click", () => transfer?.abort());

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const data = new FormData();
    for (const name of ["title", "composer", "metre", "key"]) {
      const value = form.elements[name].value.trim();
      if (value) data.append(name, value);
    }
    data.append("recording", input.files[0]);
    transfer = new AbortController();
    problem.hidden = true;
    chosen.hidden = true;
    sending.hidden = false;
    sent.value = 0;
    try {
      const job = await upload(data, (share) => (sent.value = share), transfer.signal);
      form.reset();
      showChosen();
      onAccepted(job);
    } catch (error) {
      chosen.hidden = false;
      problem.textContent = error.message;
      problem.hidden = false;
    } finally {
      sending.hidden = true;
    }
  });
}

function inWords(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
