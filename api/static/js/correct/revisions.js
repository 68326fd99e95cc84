// What the learner wants of a score, sent to the service one change after the other.
//
// A change is shown as wished at once, and taken back where the service refuses it. While one is on its way, further ones
// wait and go together.

import { getJob, renameJob, writeScore } from "../api.js";
import { nameOf } from "../recent.js";
import { t } from "../texts.js";
import { begin, record, redone, undone } from "./history.js";

const CONFLICT = 409;
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// What can be undone: corrections, title and composer. The view is a way to look at the score and stands apart.
function stateOf(job) {
  const text = (kind) => job.edits.findLast((edit) => edit.edit === kind)?.text;
  return {
    edits: job.edits,
    title: text("title") ?? job.title ?? nameOf(job),
    composer: text("composer") ?? job.composer,
  };
}

export class Revisions {
  // onWish() is called when the wish changed, onJob(job) at each answer, onProblem(sentence) where one was refused.
  constructor(job, { onWish, onJob, onProblem }) {
    Object.assign(this, { onWish, onJob, onProblem, isSending: false });
    this.adopt(job);
  }

  adopt(job) {
    this.job = job;
    this.history = begin(stateOf(job));
    this.view = job.view;
    this.accept();
  }

  accept() {
    this.accepted = { history: this.history, view: this.view };
  }

  get edits() {
    return this.history.present.edits;
  }

  get canUndo() {
    return this.history.past.length > 0;
  }

  get canRedo() {
    return this.history.future.length > 0;
  }

  // part: {edits}, or {title, composer} or one of them, which go before corrections of the same kind.
  change(part) {
    const edits = (part.edits ?? this.edits).filter((edit) => !(edit.edit in part));
    const next = { ...this.history.present, ...part, edits };
    if (!same(next, this.history.present)) this.follow(record(this.history, next));
  }

  undo() {
    if (this.canUndo) this.follow(undone(this.history));
  }

  redo() {
    if (this.canRedo) this.follow(redone(this.history));
  }

  changeView(view) {
    this.view = view;
    this.follow(this.history);
  }

  follow(history) {
    this.history = history;
    this.onWish();
    this.send();
  }

  // News of the job from elsewhere: our own changes drawn, or somebody else's.
  hear(job) {
    if (this.isSending) return;
    if (job.revision > this.job.revision) {
      this.adopt(job);
      this.onWish();
    } else {
      this.job = job;
    }
  }

  async send() {
    if (this.isSending) return;
    this.isSending = true;
    try {
      while (this.history !== this.accepted.history || this.view !== this.accepted.view) await this.sendOnce();
    } catch (error) {
      if (error.status === undefined) throw error;
      await this.fallBack(error);
    } finally {
      this.isSending = false;
    }
  }

  async sendOnce() {
    const { history, view, job } = this;
    const [wished, kept] = [history.present, this.accepted.history.present];
    if (wished.title !== kept.title || wished.composer !== kept.composer) {
      this.job = await renameJob(job.id, { title: wished.title, composer: wished.composer });
    }
    if (!same(wished.edits, kept.edits) || !same(view, this.accepted.view)) {
      this.job = await writeScore(job.id, { edits: wished.edits, view, base: this.job.revision });
    }
    this.accepted = { history, view };
    this.onJob(this.job);
  }

  async fallBack(error) {
    const isConflict = error.status === CONFLICT;
    Object.assign(this, this.accepted);
    if (isConflict) this.adopt(await getJob(this.job.links.self));
    this.onProblem(isConflict ? t("correct.elsewhere") : t("correct.not-saved", { why: error.message }));
    this.onWish();
    if (isConflict) this.onJob(this.job);
  }
}
