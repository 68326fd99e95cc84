// Where a score is corrected: the panel of the whole piece, the selected note, undo and redo, and what is being redrawn.

import { getFile } from "../api.js";
import { part } from "../dom.js";
import { t } from "../texts.js";
import { withAdded } from "./edits.js";
import { NoteCard } from "./note.js";
import { CorrectionPanel } from "./panel.js";
import { Revisions } from "./revisions.js";

const OVERTAKEN = 409; // the notes of a drawing that has been followed by another, of which news comes

export class Desk {
  // onJob(job): the service has taken a change; onSelect(source): the score shall select this note, or null.
  constructor({ onJob, onSelect }) {
    Object.assign(this, { onJob, onSelect });
    this.revisions = null;
    this.panel = new CorrectionPanel(part("correct"), {
      onChange: (change) => this.revisions.change(change),
      noteOf: (source) => this.notes.get(source),
      recorded: () => this.recorded,
    });
    this.card = new NoteCard(part("note"), {
      onChange: (edits) => this.revisions.change({ edits }),
      onClose: () => onSelect(null),
    });
    part("correct-open").addEventListener("click", () => this.togglePanel());
    part("undo").addEventListener("click", () => this.revisions.undo());
    part("redo").addEventListener("click", () => this.revisions.redo());
    this.close();
  }

  close() {
    this.revisions = null;
    this.notes = new Map();
    this.otherMetres = [];
    this.recorded = null; // how many notes were heard, which numbers the added ones
    this.selected = null;
    this.drawn = null;
    part("correct").hidden = true;
    part("correct-open").setAttribute("aria-expanded", "false");
    part("redraw").textContent = "";
    part("redraw-problem").hidden = true;
    this.card.show(null);
  }

  get isOpen() {
    return this.revisions !== null;
  }

  // The job as it stands: the first time it opens the desk, later it says what has been drawn.
  hear(job) {
    if (!job.may_edit) return;
    if (this.revisions) {
      this.revisions.hear(job);
    } else {
      this.revisions = new Revisions(job, {
        onWish: () => this.show(),
        onJob: (taken) => this.onJob(taken),
        onProblem: (sentence) => this.complain(sentence),
      });
    }
    this.tellDrawing(job);
    if (job.drawn !== this.drawn) this.loadNotes(job);
    this.show();
  }

  tellDrawing(job) {
    const waits = job.drawn < job.revision && job.redraw_error === null;
    part("job-status").hidden = waits || part("redraw").textContent !== "";
    if (waits) {
      part("redraw").textContent = t("correct.redrawing");
      part("redraw-problem").hidden = true;
    } else if (part("redraw").textContent) {
      part("redraw").textContent = job.redraw_error ? "" : t("correct.redrawn");
    }
    if (job.redraw_error) this.complain(t("correct.not-drawn", { why: job.redraw_error.message }));
  }

  complain(sentence) {
    part("redraw-problem").textContent = sentence;
    part("redraw-problem").hidden = false;
    part("redraw").textContent = "";
  }

  async loadNotes(job) {
    this.drawn = job.drawn;
    if (!job.links.notes) return;
    try {
      const { notes, deleted, other_metres } = await getFile(job.links.notes);
      if (this.drawn !== job.drawn) return;
      this.otherMetres = other_metres ?? []; // a score that was drawn by an earlier version names none
      this.notes = new Map([...notes, ...deleted].map((note) => [note.source, note]));
      if (job.drawn === job.revision) this.recorded = this.notes.size - job.edits.filter((edit) => edit.edit === "add").length;
      this.show();
    } catch (error) {
      if (error.status === undefined) throw error;
      if (error.status === OVERTAKEN) return;
      this.complain(error.message);
    }
  }

  show() {
    if (!this.isOpen) return;
    const { edits, canUndo, canRedo, history, job } = this.revisions;
    part("undo").disabled = !canUndo;
    part("redo").disabled = !canRedo;
    if (!part("correct").hidden) this.panel.show(history.present, job.metre, this.otherMetres);
    this.showSelected(edits);
  }

  showSelected(edits) {
    const note = this.selected === null || this.recorded === null ? null : (this.notes.get(this.selected) ?? null);
    this.card.show(note, { edits, recorded: this.recorded, transposed: this.revisions.view.transpose !== 0 });
  }

  select(source) {
    this.selected = source;
    if (this.isOpen) this.showSelected(this.revisions.edits);
  }

  add(note) {
    if (this.isOpen) this.revisions.change({ edits: withAdded(this.revisions.edits, note) });
  }

  // "Correct" by keyboard: to the selected note's actions, else to the panel.
  approach() {
    if (this.selected !== null && !part("note").hidden) this.card.focus();
    else if (part("correct").hidden) this.togglePanel();
    else part("correct-heading").focus();
  }

  togglePanel() {
    const opens = part("correct").hidden;
    part("correct").hidden = !opens;
    part("correct-open").setAttribute("aria-expanded", String(opens));
    if (!opens) return;
    this.show();
    part("correct-heading").focus();
  }
}
