// One transcription: its stages while it runs, then the score with everything that can be done with it.

import { addressOf, addressOfShared, deleteJob, problemText } from "./api.js";
import { Desk } from "./correct/desk.js";
import { askForNames, askToDelete } from "./dialogs.js";
import { clock, make, part } from "./dom.js";
import { print, showDownloads, showSheets } from "./downloads.js";
import { follow } from "./follow.js";
import { forget, nameOf, rememberName } from "./recent.js";
import { Share } from "./share.js";
import { StagePlace } from "./stage.js";
import { Stages } from "./stages.js";
import { t } from "./texts.js";
import { readView, showView } from "./view.js";

const GROUP = "score";
const PARTS = ["job-problem", "warnings", "tools", "sheets", "delete-row", "progress"];

export class JobView {
  constructor() {
    this.job = null;
    this.address = null;
    this.stop = () => {};
    this.stages = new Stages();
    this.place = new StagePlace({
      select: ({ source }) => this.desk.select(source ?? null),
      add: (note) => this.desk.add(note),
    });
    this.desk = new Desk({
      onJob: (job) => {
        this.show(job);
        this.follow();
      },
      onSelect: (source) => {
        this.place.select(source);
        this.desk.select(source);
      },
    });
    this.share = new Share((shared) => (this.job = { ...this.job, shared }));
    part("share-open").addEventListener("click", () => this.share.open(this.job));
    part("print").addEventListener("click", print);
    part("rename").addEventListener("click", () => this.rename());
    for (const id of ["delete", "delete-running"]) part(id).addEventListener("click", () => this.delete());
    part("view").addEventListener("change", () => this.desk.revisions.changeView(readView(part("view"), GROUP)));
    window.addEventListener("languagechange", () => this.relabel());
  }

  openOwn(id) {
    this.open(addressOf(id), id);
  }

  openShared(token) {
    this.open(addressOfShared(token), null);
  }

  open(address, id) {
    this.close();
    if (window.early?.address !== address) part("stage").replaceChildren(); // a page that was opened and left
    Object.assign(this, { address, id, isShared: id === null });
    for (const name of ["job-name", "job-about", "job-status"]) part(name).textContent = "";
    for (const name of PARTS) part(name).hidden = true;
    part("job-back").href = this.isShared ? "/" : "#";
    this.stages.reset();
    this.follow();
  }

  close() {
    if (this.address === null) return;
    this.stop();
    this.job = null;
    this.address = null;
    this.place.close();
    this.desk.close();
    part("sheets").replaceChildren();
  }

  follow() {
    this.stop();
    this.stop = follow(this.address, !this.isShared, {
      onJob: (job) => this.show(job),
      onGone: () => this.showGone(),
      onTrouble: (error) => this.showProblem(t("job.trying", { problem: error.message })),
    });
  }

  show(job) {
    const before = this.job;
    this.job = job;
    const name = printedName(job);
    document.title = `${name} – ${t("page.name")}`;
    part("job-name").textContent = name;
    part("job-about").textContent = about(job, this.isShared);
    part("job-problem").hidden = true;
    part("delete-row").hidden = job.state === "done" || this.isShared;
    part("job").dataset.state = job.state;
    this.stages.show(job);
    if (job.error) this.showProblem(problemText(job.error.code, job.error.message));
    // The service's own sentences are English.
    part("warnings").hidden = job.warnings.length === 0;
    part("warnings").replaceChildren(...job.warnings.map((text) => make("li", { lang: "en" }, text)));
    if (job.state === "done") this.showScore(job, before);
    if (!this.isShared) rememberName(job);
  }

  showScore(job, before) {
    const name = printedName(job);
    part("tools").hidden = false;
    part("job").classList.toggle("read-only", !job.may_edit);
    part("job").dataset.drawn = job.drawn ?? 0;
    showDownloads(job);
    const isRedrawn = before?.state !== "done" || before.drawn !== job.drawn;
    // Of a redraw first what is looked at; the pages to be printed come with the other files.
    if (before?.state !== "done" || (job.links.pdf && job.links.pdf !== before.links.pdf)) showSheets(job, name);
    if (isRedrawn || printedName(before) !== name) {
      this.place.show(job).then((isThere) => {
        part("sheets").hidden = isThere;
        if (!isThere) this.showProblem(t("job.no-player"));
      });
    }
    this.desk.hear(job);
    if (this.desk.isOpen) showView(part("view"), GROUP, this.desk.revisions.view);
  }

  showProblem(message) {
    part("job-problem").textContent = message;
    part("job-problem").hidden = false;
  }

  showGone() {
    if (!this.isShared) forget(this.id);
    part("progress").hidden = true;
    part("tools").hidden = true;
    this.showProblem(t(this.isShared ? "share.ended" : "job.missing"));
  }

  relabel() {
    if (!this.job) return;
    this.stages.said = null;
    this.show(this.job);
    if (this.job.state === "done") this.place.show(this.job);
  }

  async rename() {
    const { title, composer } = this.desk.revisions.history.present;
    const names = await askForNames(title, composer);
    if (names) this.desk.revisions.change(names);
  }

  async delete() {
    if (!(await askToDelete(nameOf(this.job)))) return;
    try {
      await deleteJob(this.id);
    } catch (error) {
      if (error.status !== 404) {
        this.showProblem(error.message);
        return;
      }
    }
    forget(this.id);
    location.hash = "";
  }
}

// What stands above the score: a correction of the title goes before the one that was asked for.
function printedName(job) {
  const edit = job.edits?.findLast((one) => one.edit === "title");
  return edit?.text || nameOf(job);
}

function about(job, isShared) {
  const parts = [job.composer, job.file_name];
  if (job.duration_s) parts.push(clock(job.duration_s));
  if (isShared) parts.push(t("share.seen"));
  return parts.filter(Boolean).join(" · ");
}
