// My transcriptions: those of the key, or of this computer, where the service lists them; else those that were uploaded
// from this browser. Each shows its first bars.

import { addressOf, deleteJob, getJob, listJobs, renameJob } from "./api.js";
import { askForNames, askToDelete } from "./dialogs.js";
import { clock, make, part } from "./dom.js";
import { forget, nameOf, remembered, rememberName } from "./recent.js";
import { currentLanguage, t } from "./texts.js";

const PAGE = 20; // entries shown at once
const FEW = 8; // fewer than this need no search

export class Library {
  constructor() {
    this.jobs = [];
    this.showing = 0; // counts visits, so that answers of an earlier one are passed over
    part("library-more").addEventListener("click", () => this.more());
    part("library-find").addEventListener("input", () => this.draw());
    window.addEventListener("languagechange", () => this.draw());
  }

  async open() {
    const visit = ++this.showing;
    this.problem = "";
    let answer = null;
    try {
      answer = await listJobs();
    } catch (error) {
      // Without a list of the service's own there is still what this browser remembers.
      if (error.status !== 404) this.problem = error.message;
    }
    if (visit !== this.showing) return;
    this.isOfService = answer !== null;
    this.next = answer?.next ?? null;
    this.kept = this.isOfService ? [] : remembered();
    this.jobs = answer?.transcriptions ?? [];
    if (!this.isOfService) await this.more(visit);
    this.draw();
  }

  close() {
    this.showing += 1;
  }

  async more(visit = this.showing) {
    if (this.isOfService) {
      const answer = await listJobs(this.next);
      if (visit !== this.showing) return;
      this.jobs.push(...answer.transcriptions);
      this.next = answer.next;
    } else {
      const asked = this.kept.splice(0, PAGE);
      const found = await Promise.all(asked.map(described));
      if (visit !== this.showing) return;
      this.jobs.push(...found);
    }
    this.draw();
  }

  draw() {
    const sought = part("library-find").value.trim().toLocaleLowerCase();
    const matches = this.jobs.filter((job) => `${nameOf(job)} ${job.composer ?? ""}`.toLocaleLowerCase().includes(sought));
    part("library").hidden = this.jobs.length === 0 && !this.problem;
    part("library-find").hidden = this.jobs.length < FEW;
    part("library-more").hidden = !(this.isOfService ? this.next : this.kept?.length);
    part("library-list").replaceChildren(...matches.map((job) => this.entry(job)));
    const none = this.jobs.length > 0 && matches.length === 0 ? t("library.none") : "";
    part("library-note").textContent = this.problem || none || (this.isOfService || !this.jobs.length ? "" : t("library.here"));
  }

  entry(job) {
    const name = nameOf(job);
    const row = make("div", { class: "row" });
    const actions = [["rename", () => this.rename(job)], ["delete", () => this.delete(job)]];
    for (const [action, act] of actions) {
      if (action === "rename" && job.state === "gone") continue;
      const label = t(`library.${action}-one`, { name });
      row.append(make("button", { type: "button", "aria-label": label, onclick: act }, t(`library.${action}`)));
    }
    return make(
      "li",
      {},
      incipit(job),
      make("div", { class: "entry" }, make("a", { href: `#${job.id}` }, name), make("span", { class: "when" }, about(job))),
      row,
    );
  }

  async rename(job) {
    const names = await askForNames(nameOf(job), job.composer ?? "");
    if (names) await this.change(() => renameJob(job.id, names), (changed) => {
      Object.assign(job, changed);
      rememberName(changed);
    });
  }

  async delete(job) {
    if (!(await askToDelete(nameOf(job)))) return;
    const remove = async () => {
      try {
        await deleteJob(job.id);
      } catch (error) {
        if (error.status !== 404) throw error; // gone already, as was wished
      }
    };
    await this.change(remove, () => {
      forget(job.id);
      this.jobs = this.jobs.filter((other) => other !== job);
      part("library-heading").focus();
    });
  }

  async change(act, then) {
    this.problem = "";
    try {
      then(await act());
    } catch (error) {
      this.problem = error.message;
    }
    this.draw();
  }
}

// What the service says of a remembered job, or what is remembered where it does not know it any more.
async function described({ id, name, at }) {
  try {
    return await getJob(addressOf(id));
  } catch (error) {
    return { id, title: name, created_at: at, state: error.status === 404 ? "gone" : "unknown" };
  }
}

function about(job) {
  const when = new Intl.DateTimeFormat(currentLanguage(), { dateStyle: "medium", timeStyle: "short" });
  const parts = [job.composer, job.duration_s ? clock(job.duration_s) : "", when.format(new Date(job.created_at))];
  if (job.state === "queued" || job.state === "running") parts.push(t("library.waiting"));
  if (job.state === "failed") parts.push(t("library.failed"));
  if (job.state === "gone") parts.push(t("library.gone"));
  return parts.filter(Boolean).join(" · ");
}

function incipit(job) {
  const first = job.links?.pages[0];
  if (!first) return make("div", { class: "incipit empty" });
  return make("div", { class: "incipit" }, make("img", { src: first, alt: "", loading: "lazy" }));
}
