// One transcription: its stages while it runs, then the score, the recording and everything to download.

import { deleteJob, getJob } from "./api.js";
import { forget } from "./recent.js";

const POLL_MS = 1000;
const STAGES = ["listen", "notate", "engrave"];
const DOING = { listen: "Listening", notate: "Writing it down", engrave: "Engraving the pages" };
const DOWNLOADS = [
  ["pdf", "PDF", "to print and play from"],
  ["musicxml", "MusicXML", "for MuseScore, Sibelius, Dorico"],
  ["midi", "MIDI", "as it was played"],
  ["quantized_midi", "MIDI", "as it is written"],
  ["sync", "Timing", "notes and bars in seconds"],
];

const part = (id) => document.getElementById(id);

export class JobView {
  constructor() {
    this.id = null;
    this.timer = null;
    part("player").addEventListener("error", () => (part("player").hidden = true));
    part("delete").addEventListener("click", () => part("confirm-delete").showModal());
    part("confirm-delete").addEventListener("close", () => this.deleteIfConfirmed());
  }

  open(id) {
    this.close();
    this.id = id;
    part("job-name").textContent = "";
    part("job-about").textContent = "";
    part("job-status").textContent = "";
    part("job-problem").hidden = true;
    part("player").hidden = true;
    part("downloads").hidden = true;
    part("warnings").hidden = true;
    part("pages").replaceChildren();
    part("delete").hidden = true;
    part("stages").hidden = false;
    this.poll(id);
  }

  close() {
    clearTimeout(this.timer);
    this.id = null;
    part("player").pause();
    part("player").removeAttribute("src");
  }

  async poll(id) {
    let again = true;
    try {
      const job = await getJob(id);
      if (this.id !== id) return;
      part("job-problem").hidden = true;
      this.show(job);
      again = job.state === "queued" || job.state === "running";
    } catch (error) {
      if (this.id !== id) return;
      again = error.status !== 404;
      if (!again) forget(id);
      part("stages").hidden ||= !again;
      this.showProblem(again ? `${error.message} Trying again …` : error.message);
    }
    if (again) this.timer = setTimeout(() => this.poll(id), POLL_MS);
  }

  show(job) {
    const name = job.title || job.file_name;
    document.title = `${name} – Transcriber`;
    part("job-name").textContent = name;
    part("job-about").textContent = about(job, name);
    part("delete").hidden = false;
    showStages(job);
    part("job-status").textContent = status(job);
    part("job-status").hidden = job.state === "failed";
    if (job.error) this.showProblem(job.error.message);
    part("warnings").hidden = job.warnings.length === 0;
    part("warnings").replaceChildren(...job.warnings.map((text) => element("li", { textContent: text })));
    const player = part("player");
    if (!player.getAttribute("src") && !/\.midi?$/i.test(job.file_name)) {
      player.hidden = false;
      player.src = job.links.recording;
    }
    if (job.state === "done") showScore(job, name);
  }

  showProblem(message) {
    part("job-problem").textContent = message;
    part("job-problem").hidden = false;
  }

  async deleteIfConfirmed() {
    const id = this.id;
    if (part("confirm-delete").returnValue !== "delete" || !id) return;
    try {
      await deleteJob(id);
    } catch (error) {
      if (error.status !== 404) {
        this.showProblem(error.message);
        return;
      }
    }
    forget(id);
    location.hash = "";
  }
}

function about(job, name) {
  const parts = [];
  if (job.composer) parts.push(job.composer);
  if (job.file_name !== name) parts.push(job.file_name);
  if (job.duration_s) {
    const seconds = Math.round(job.duration_s);
    parts.push(`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  }
  return parts.join(" · ");
}

function status(job) {
  if (job.state === "queued") return job.stage === "listen" ? "Waiting for its turn …" : "Heard; waiting to be written down …";
  if (job.state === "running") {
    const share = job.progress > 0 && job.progress < 1 ? ` ${Math.round(100 * job.progress)} %` : " …";
    return DOING[job.stage] + share;
  }
  if (job.state === "done") return job.links.pages.length === 1 ? "Done: one page." : `Done: ${job.links.pages.length} pages.`;
  return "";
}

function showStages(job) {
  const current = STAGES.indexOf(job.stage);
  part("stages").hidden = job.state === "done" || job.state === "failed";
  for (const item of part("stages").children) {
    const place = STAGES.indexOf(item.dataset.stage);
    const past = job.state === "done" || place < current;
    const now = place === current && job.state === "running";
    item.className = past ? "past" : now ? "now" : "";
    if (now) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
    // A stage that tells no share still shows that it has begun.
    const share = past ? 1 : now ? Math.max(job.progress, 0.08) : 0;
    item.style.setProperty("--done", `${100 * share}%`);
  }
}

function showScore(job, name) {
  const links = DOWNLOADS.filter(([kind]) => job.links[kind]).map(([kind, label, use]) => download(job.links[kind], label, use));
  links.push(download(job.links.recording, "Recording", "as it was sent"));
  part("downloads").replaceChildren(...links);
  part("downloads").hidden = false;
  const pages = job.links.pages;
  part("pages").replaceChildren(
    ...pages.map((address, index) =>
      element("img", { src: address, alt: `${name}, page ${index + 1} of ${pages.length}`, loading: "lazy" }),
    ),
  );
}

function download(href, label, use) {
  const link = element("a", { href, download: "" });
  link.append(label, element("small", { textContent: use }));
  return link;
}

function element(kind, properties) {
  return Object.assign(document.createElement(kind), properties);
}
