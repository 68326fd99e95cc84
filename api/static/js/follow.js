// Hears of every change of a transcription: by server-sent events, and by asking again where those do not come through.
// A shared one tells no events. What was asked for before this page's modules were there (early.js) is heard first.

import { getJob } from "./api.js";

const POLL_MS = 1000;
const LONGEST_PAUSE_MS = 8000; // between questions to a service that does not answer

// Whether nothing of it will change by itself any more: the pages come first, the other files follow.
export function settled(job) {
  if (job.state === "failed") return true;
  return job.state === "done" && (job.redraw_error !== null || (job.drawn >= job.revision && job.links.pdf !== null));
}

function askedEarly(address) {
  if (window.early?.address !== address) return null;
  const { job } = window.early;
  window.early = null;
  return job;
}

// Calls onJob(job) at every change until it is settled, onGone() where it was deleted, and onTrouble(error) while the
// service does not answer. Returns a function that ends it.
export function follow(address, hasEvents, { onJob, onGone, onTrouble }) {
  let ended = false;
  let timer = null;
  let source = null;

  function stop() {
    ended = true;
    clearTimeout(timer);
    source?.close();
  }

  function take(job) {
    if (ended) return;
    if (settled(job)) stop();
    onJob(job);
  }

  function gone() {
    stop();
    onGone();
  }

  async function poll(pause = POLL_MS) {
    try {
      take(await getJob(address));
      pause = POLL_MS;
    } catch (error) {
      if (ended) return;
      if (error.status === 404) return gone();
      onTrouble(error);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
    if (!ended) timer = setTimeout(poll, pause, pause);
  }

  function listen() {
    source = new EventSource(`${address}/events`);
    source.addEventListener("transcription", (event) => take(JSON.parse(event.data)));
    source.addEventListener("deleted", gone);
    // Refused, or ended by the service, or no connection: asking tells which.
    source.addEventListener("error", () => {
      source.close();
      if (!ended) poll();
    });
  }

  async function begin() {
    const job = await askedEarly(address);
    if (ended) return;
    if (job) take(job);
    if (ended) return;
    if (hasEvents) listen();
    else poll();
  }

  begin();
  return stop;
}
