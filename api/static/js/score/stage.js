// The stage under a job's title: the score, what was heard and the synthesised piano, all in step with one clock.
//
// mountStage(root, job) -> {update(job), destroy(), on(type, listener), select(source), actions}. Events:
// "select" {source, id} (source null: nothing is chosen), "add" {onset_s, offset_s, pitch}, "time" {time, measure};
// the root element hears them, too, as "stage:select" and so on. `actions` is an empty element within the strip of the
// chosen note, for what can be done with it.

import { make } from "../dom.js";
import { t } from "../texts.js";
import { Adding } from "./adding.js";
import { Clock } from "./clock.js";
import { Commands } from "./commands.js";
import { Controls, showNames } from "./controls.js";
import { Doubts, USUAL_THRESHOLD } from "./doubts.js";
import { dragging } from "./dragging.js";
import { Evidence } from "./evidence.js";
import { Follow } from "./follow.js";
import { Keyboard } from "./keyboard.js";
import { listenToKeys } from "./keys.js";
import { layOut } from "./layout.js";
import { Marks } from "./marks.js";
import { Metronome } from "./metronome.js";
import { Piano } from "./piano.js";
import { Pianist } from "./pianist.js";
import { loadPiece } from "./piece.js";
import { Recording } from "./recording.js";
import { Roll } from "./roll.js";
import { Sheets } from "./sheets.js";
import { Waveform } from "./waveform.js";

const GHOST_MS = 6000; // an added note is shown so long while the score is drawn again with it
const MIDI = /\.midi?$/i;

export function mountStage(root, job) {
  const stage = new Stage(root, job);
  stage.update(job);
  return {
    update: (changed) => stage.update(changed),
    destroy: () => stage.destroy(),
    on: (type, listener) => stage.heard(type, listener),
    select: (source) => stage.choose(source),
    actions: stage.actions,
  };
}

class Stage {
  constructor(root, job) {
    this.root = root;
    this.job = job;
    this.piece = null;
    this.chosen = null;
    this.ends = []; // what destroy() has to end
    this.actions = make("div", { class: "actions" });
    this.status = make("p", { class: "say", role: "status" });
    this.trouble = make("p", { class: "problem", role: "alert", hidden: true });
    root.classList.add("stage");
    root.prepend(this.trouble, this.status); // before the first page, where it is there already
  }

  // Shows this state of the job; pages and notes are fetched where they are of another drawing than those shown.
  async update(job) {
    this.job = job;
    const drawing = JSON.stringify([job.drawn ?? 0, job.links.sync, job.links.notes, job.links.pages]);
    if (drawing === this.drawing) {
      this.#showRights();
      return;
    }
    this.drawing = drawing;
    this.loading?.abort();
    this.loading = new AbortController();
    this.sheets?.expect(job.links.pages);
    try {
      const piece = await loadPiece(job, this.loading.signal);
      if (this.drawing !== drawing) return;
      if (this.piece) this.#show(piece);
      else this.#build(piece);
      this.trouble.hidden = true;
    } catch (error) {
      if (error.name === "AbortError" || this.drawing !== drawing) return;
      this.drawing = null; // the next update tries again
      this.say(t("stage.failed"), true);
    }
  }

  #build(piece) {
    this.piece = piece;
    this.commands = new Commands(this);
    this.piano = new Piano();
    const voices = { piano: new Pianist(piece, this.piano) };
    if (!MIDI.test(this.job.file_name)) {
      voices.recording = new Recording(this.job.links.recording, { onEnd: () => this.clock.ended(), onFail: () => this.#withoutRecording() });
    }
    this.clock = new Clock(voices, voices.recording ? "recording" : "piano", piece.duration);
    this.metronome = new Metronome(this.clock, piece, this.piano);
    this.marks = new Marks(piece);
    this.marks.threshold = USUAL_THRESHOLD;
    this.sheets = new Sheets(piece, this.marks);
    this.#buildPictures();
    Object.assign(this, layOut(this.root, this, { trouble: this.trouble, status: this.status }, this.commands));
    this.follow = new Follow(this.clock, this.sheets, { top: this.top, bottom: this.bottom, onChange: (on) => (this.back.hidden = on) });
    this.#listen();
    this.sheets.show(piece, this.job.links.pages);
    this.doubts.show();
    this.#showRights();
    this.showState();
    this.frame();
  }

  #buildPictures() {
    const { clock, piece, commands } = this;
    const toPlace = (at) => {
      clock.seek(at);
      this.commands.follow();
    };
    this.controls = new Controls(
      { ...this.#bound(["toggle", "start", "loop", "metronome", "voice", "hand", "doubts", "panels"]), speed: (rate) => commands.rate(rate) },
      { hasRecording: Boolean(clock.voices.recording) },
    );
    this.waveform = new Waveform(clock, piece, { onSeek: toPlace, onLoop: (span) => commands.setLoop(span) });
    this.adding = new Adding(clock, piece, {
      onAdd: (note) => this.#added(note),
      onHear: (pitch) => this.piano.touch(pitch),
      onSay: (words) => this.say(words),
      onChange: () => this.#showAdding(),
    });
    this.roll = new Roll(clock, piece, { onNote: (note) => this.#hearFrom(note.source), onSeek: (at) => clock.seek(at), adding: this.adding });
    this.roll.threshold = USUAL_THRESHOLD;
    this.keyboard = new Keyboard(clock, piece, { onKey: (pitch) => this.piano.touch(pitch) });
    this.doubts = new Doubts(piece, { onThreshold: (threshold) => this.#shade(threshold), onBar: (index) => commands.listenTo(index) });
    this.evidence = new Evidence(piece, this.actions, {
      onClose: () => this.choose(null, null, true),
      onAlternative: (pitch) => this.piano.touch(pitch),
    });
    this.ends.push(this.waveform, this.roll, this.keyboard, this.evidence, this.metronome, this.sheets, this.clock, this.piano);
  }

  #bound(names) {
    return Object.fromEntries(names.map((name) => [name, (...values) => this.commands[name](...values)]));
  }

  #listen() {
    this.clock.addEventListener("frame", () => this.frame());
    this.clock.addEventListener("state", () => this.showState());
    for (const type of ["drawn", "resized"]) this.sheets.root.addEventListener(type, () => this.frame());
    this.ends.push(this.follow);
    const words = () => {
      showNames(this.root);
      this.doubts.show();
      this.showState();
      this.frame();
    };
    window.addEventListener("languagechange", words);
    const endKeys = listenToKeys(this.root, this.adding, this.#bound(["toggle", "bar", "end", "note", "hear", "speed", "loopEnd", "loop", "metronome", "voice", "hand", "follow", "doubts", "evidence", "add"]));
    const endDragging = dragging(this.sheets.root, {
      at: (event) => this.sheets.at(event.clientX, event.clientY),
      click: (place) => this.#clickOn(place),
      drag: (from, to) => this.commands.setLoop(this.piece.span(from.measure, to.measure)),
    });
    this.ends.push({ destroy: endKeys }, { destroy: endDragging }, { destroy: () => window.removeEventListener("languagechange", words) });
  }

  // Another drawing of the same recording: everything stays where it is.
  #show(piece) {
    const { loop } = this.clock;
    this.piece = piece;
    for (const part of [this.marks, this.waveform, this.roll, this.keyboard, this.metronome, this.doubts, this.adding, this.clock.voices.piano]) part.setPiece(piece);
    this.sheets.show(piece, this.job.links.pages);
    if (loop) this.clock.setLoop(piece.span(piece.measureAt(loop.start + 0.01), piece.measureAt(loop.end - 0.01)));
    this.#showRights();
    this.choose(piece.notesBySource.has(this.chosen) ? this.chosen : null);
    this.frame();
  }

  // Everything that belongs to the present moment.
  frame() {
    const at = this.clock.time;
    const measure = this.piece.measureAt(at);
    this.marks.light(this.piece.headsAt(at));
    this.sheets.pointTo(at, measure);
    if (this.clock.playing) this.follow.keep(measure);
    this.waveform.draw();
    if (!this.bottom.classList.contains("folded")) {
      this.roll.draw();
      this.keyboard.draw();
    }
    this.controls.showTime(at, this.clock.duration, this.piece.measures[measure].number);
    this.#tell("time", { time: at, measure: this.piece.measures[measure].id });
  }

  showState() {
    const { loop } = this.clock;
    const number = (index) => this.piece.measures[index].number;
    const bars = loop && (loop.first === loop.last ? `${number(loop.first)}` : `${number(loop.first)}–${number(loop.last)}`);
    this.controls.showState(this.clock, {
      metronome: this.metronome.on,
      hand: this.commands.hands,
      doubts: !this.doubts.root.hidden,
      panels: !this.bottom.classList.contains("folded"),
      bars,
    });
    if (this.loopShown !== loop) this.sheets.setLoop(loop);
    this.loopShown = loop;
  }

  restHand(resting, playing) {
    this.marks.setResting(resting);
    this.keyboard.setResting(resting);
    this.roll.set({ resting });
    this.clock.voices.piano.setHand(playing);
    this.showState();
  }

  // Chooses a performed note by its source; `tell`: the page around is told, because the learner chose it here.
  choose(source, id = null, tell = false) {
    const note = this.piece?.notesBySource.get(source);
    this.chosen = note ? source : null;
    if (!this.piece) return;
    this.marks.choose(this.chosen);
    this.roll.set({ chosen: this.chosen });
    if (note) {
      this.evidence.show(note);
      this.say(this.evidence.title.textContent);
    } else this.evidence.close();
    if (tell || id !== null) this.#tell("select", { source: this.chosen, id: id ?? this.piece.headsBySource.get(this.chosen)?.[0].id ?? null });
  }

  say(words, isTrouble = false) {
    if (isTrouble) {
      this.trouble.textContent = words;
      this.trouble.hidden = false;
    } else this.status.textContent = words;
  }

  #clickOn({ head, measure }) {
    if (head !== null) this.#hearFrom(this.piece.headsById.get(head).source, head);
    else {
      this.choose(null, null, true);
      this.clock.seek(this.piece.measures[measure].start_s);
    }
  }

  #hearFrom(source, id = null) {
    this.choose(source, id, true);
    this.commands.hear();
  }

  #shade(threshold) {
    this.marks.setThreshold(threshold);
    this.roll.set({ threshold });
  }

  #added(note) {
    this.roll.set({ ghosts: [...this.roll.ghosts, note] });
    setTimeout(() => this.roll.set({ ghosts: this.roll.ghosts.filter((ghost) => ghost !== note) }), GHOST_MS);
    this.#tell("add", { ...note, pitch: note.pitch - this.piece.transpose });
  }

  #showAdding() {
    this.addButton?.setAttribute("aria-pressed", String(this.adding.active));
    this.roll?.element.classList.toggle("adding", this.adding.active);
    this.roll?.draw();
  }

  #showRights() {
    if (!this.piece) return;
    this.addButton.hidden = !this.job.may_edit;
    this.evidence.setPiece(this.piece, this.job.links.evidence);
  }

  // The browser cannot play this file: the synthesised piano takes over.
  #withoutRecording() {
    const at = this.clock.time;
    this.clock.pause();
    this.clock.voices.recording.destroy();
    delete this.clock.voices.recording;
    this.clock.voice = "piano";
    this.clock.seek(at);
    this.controls.voice.root.hidden = true;
    this.say(t("stage.no-recording"), true);
    this.showState();
  }

  heard(type, listener) {
    const hear = (event) => listener(event.detail);
    this.root.addEventListener(`stage:${type}`, hear);
    this.ends.push({ destroy: () => this.root.removeEventListener(`stage:${type}`, hear) });
  }

  #tell(type, detail) {
    this.root.dispatchEvent(new CustomEvent(`stage:${type}`, { detail }));
  }

  destroy() {
    this.loading?.abort();
    this.drawing = undefined;
    this.ends.forEach((part) => part.destroy());
    this.root.classList.remove("stage");
    this.root.replaceChildren();
  }
}
