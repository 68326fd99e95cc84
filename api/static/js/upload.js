// The form: choose, drop or record, say what is known of the piece, and watch it go.

import { upload } from "./api.js";
import { part } from "./dom.js";
import { setUpRecorder } from "./recorder.js";
import { t } from "./texts.js";
import { readView, showView, usualView } from "./view.js";

const GROUP = "upload";
const WHOLE_BYTES = 8e6; // what is longer goes in pieces, so that a broken connection costs little

export function setUpUpload(onAccepted) {
  const form = part("upload");
  const drop = form.querySelector(".drop");
  const input = part("recording");
  const chosen = part("chosen");
  const problem = part("upload-problem");
  const sending = part("sending");
  const sent = part("sent");
  const viewFields = part("upload-view");
  let transfer = null;

  function showChosen() {
    const file = input.files[0];
    chosen.hidden = !file;
    problem.hidden = true;
    if (!file) return;
    part("chosen-name").textContent = `${file.name} (${sizeInWords(file.size)})`;
    chosen.querySelector("button").focus();
  }

  function take(files) {
    input.files = files;
    showChosen();
  }

  const recorder = setUpRecorder({
    onOpen: () => {
      drop.hidden = true;
      input.value = "";
      showChosen();
    },
    onClose: () => (drop.hidden = false),
    onRecorded: (file) => {
      const list = new DataTransfer();
      list.items.add(file);
      take(list.files);
    },
  });

  // A file dropped beside the staff would otherwise replace the page.
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) drop.addEventListener(kind, () => drop.classList.add("over"));
  for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length > 0) take(event.dataTransfer.files);
  });
  input.addEventListener("change", showChosen);
  part("abort").addEventListener("click", () => transfer?.abort());
  window.addEventListener("languagechange", () => showView(viewFields, GROUP, readView(viewFields, GROUP)));
  showView(viewFields, GROUP, usualView());
  showChosen(); // it may have been chosen before this ran

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!input.files[0]) {
      problem.textContent = t("problem.no-file");
      problem.hidden = false;
      return;
    }
    const file = input.files[0];
    const fields = {};
    for (const name of ["title", "composer", "metre", "key"]) {
      const value = form.elements[name].value.trim();
      if (value) fields[name] = value;
    }
    for (const [name, value] of Object.entries(readView(viewFields, GROUP))) fields[name] = String(value);
    transfer = new AbortController();
    problem.hidden = true;
    chosen.hidden = true;
    sending.hidden = false;
    sent.value = 0;
    try {
      const job = await send(file, fields, {
        onSent: (share) => (sent.value = share),
        onWait: (waits) => (part("sending-note").textContent = waits ? t("upload.waiting") : ""),
        signal: transfer.signal,
      });
      form.reset();
      showView(viewFields, GROUP, usualView());
      recorder.close();
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

async function send(file, fields, { onSent, onWait, signal }) {
  if (file.size > WHOLE_BYTES) {
    const { sendInPieces } = await import("./resumable.js").catch(() => {
      throw new Error(t("problem.away"));
    });
    return sendInPieces(file, fields, { onSent, onWait, signal });
  }
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append("recording", file);
  return upload(data, onSent, signal);
}

function sizeInWords(bytes) {
  if (bytes < 1e6) return t("upload.size-kb", { n: Math.max(1, Math.round(bytes / 1e3)) });
  return t("upload.size-mb", { n: Math.round(bytes / 1e5) / 10 });
}
