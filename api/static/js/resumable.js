// Sends a long recording in pieces, by the tus protocol (tus.io): a connection that breaks costs one piece, and the same
// file chosen again, even after the page was closed, goes on where it stopped.

import { addressOf, errorFrom, getJob, ServiceError } from "./api.js";
import { t } from "./texts.js";

const UPLOADS = "/v1/uploads";
const PIECE_BYTES = 2 * 1024 * 1024;
const VERSION = { "Tus-Resumable": "1.0.0" };
const PAUSES_MS = [500, 1000, 2000, 4000, 8000]; // before each further attempt; the last one again and again
const PASSES = [409, 423, 429, 500, 502, 503, 504]; // what asking again may mend
const GONE = [404, 410];

// fields: the form's, by name. onSent(share), onWait(whether there is no connection just now). Resolves to the job.
export async function sendInPieces(file, fields, { onSent, onWait, signal }) {
  const metadata = Object.entries({ filename: file.name, ...fields }).map(([name, text]) => `${name} ${base64(text)}`).join(",");
  const mark = `upload:${metadata}:${file.size}:${file.lastModified}`;
  let place = recall(mark);
  try {
    for (let failures = 0; ; ) {
      try {
        place ??= await begin(file, metadata, signal);
        keep(mark, place);
        const job = await sendRest(file, place, signal, (share) => {
          failures = 0;
          onWait(false);
          onSent(share);
        });
        keep(mark, null);
        return job;
      } catch (error) {
        const isGone = place && GONE.includes(error.status); // it was given up meanwhile: begin anew
        if (signal.aborted || !(isGone || mayPass(error))) throw error;
        if (isGone) place = null;
        else onWait(true);
        await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)], signal);
        failures += 1;
      }
    }
  } catch (error) {
    keep(mark, null);
    if (!signal.aborted) throw error;
    if (place) fetch(place, { method: "DELETE", headers: VERSION }).catch(() => {}); // else it ends by itself
    throw new ServiceError(t("problem.stopped"));
  } finally {
    onWait(false);
  }
}

const mayPass = (error) => error.status === 0 || PASSES.includes(error.status);

async function begin(file, metadata, signal) {
  const headers = { "Upload-Length": file.size, "Upload-Metadata": metadata };
  const answer = await ask(UPLOADS, { method: "POST", headers, signal });
  return answer.headers.get("Location");
}

async function sendRest(file, place, signal, onSent) {
  let answer = await ask(place, { method: "HEAD", signal });
  while (!answer.headers.get("Content-Location")) {
    const start = Number(answer.headers.get("Upload-Offset"));
    onSent(start / file.size);
    const headers = { "Upload-Offset": start, "Content-Type": "application/offset+octet-stream" };
    answer = await ask(place, { method: "PATCH", headers, body: file.slice(start, start + PIECE_BYTES), signal });
  }
  onSent(1);
  return getJob(addressOf(answer.headers.get("Content-Location").split("/").at(-1)));
}

async function ask(address, request) {
  let answer;
  try {
    answer = await fetch(address, { ...request, headers: { ...VERSION, ...request.headers } });
  } catch {
    throw new ServiceError(t("problem.away"));
  }
  if (!answer.ok) throw errorFrom(answer.status, await answer.text());
  return answer;
}

function pause(length, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, length);
    for (const [target, kind] of [[signal, "abort"], [window, "online"]]) {
      target.addEventListener(kind, () => (clearTimeout(timer), resolve()), { once: true });
    }
  });
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

// Where this browser keeps nothing, an upload goes on only while the page is open.
function recall(mark) {
  try {
    return localStorage.getItem(mark);
  } catch {
    return null;
  }
}

function keep(mark, place) {
  try {
    if (place) localStorage.setItem(mark, place);
    else localStorage.removeItem(mark);
  } catch {
    // as above
  }
}
