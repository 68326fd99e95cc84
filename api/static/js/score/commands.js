// What a learner can do on the stage, by button and by key alike.

import { t } from "../texts.js";

const SPEED_STEP = 0.05;
const BEFORE_NOTE_S = 0.04; // heard before a note, so that its beginning is not cut
const JUST_BEGUN_S = 0.3; // within this after a bar line, "a bar back" means the bar before

export class Commands {
  constructor(stage) {
    this.stage = stage;
    this.hands = "both";
    this.lastLoop = null;
  }

  toggle() {
    const { clock, follow } = this.stage;
    if (!clock.playing) follow.resume();
    this.#sound(clock.toggle());
  }

  start() {
    this.#go(this.stage.clock.loop?.start ?? 0);
  }

  end(which) {
    this.#go(which === 0 ? 0 : this.stage.clock.duration);
  }

  bar(step) {
    const { clock, piece } = this.stage;
    const at = clock.time;
    const index = piece.measureAt(at);
    const begun = at - piece.measures[index].start_s;
    const wanted = step < 0 && begun > JUST_BEGUN_S ? index : index + step;
    this.#go(piece.measures[Math.min(Math.max(wanted, 0), piece.measures.length - 1)].start_s);
  }

  // Chooses the written note before or after the chosen one, or the one that is played now.
  note(step) {
    const { piece, clock } = this.stage;
    const heads = piece.heads.filter((head) => !head.tied);
    const chosen = heads.findIndex((head) => head.source === this.stage.chosen);
    const now = heads.findIndex((head) => head.onset_s >= clock.time - BEFORE_NOTE_S);
    const next = chosen >= 0 ? chosen + step : now < 0 ? heads.length - 1 : now;
    const head = heads[Math.min(Math.max(next, 0), heads.length - 1)];
    if (!head) return;
    this.stage.choose(head.source, head.id);
    this.stage.follow.resume();
    if (!clock.playing) this.#go(head.onset_s);
  }

  // Plays from the chosen note on.
  hear() {
    const { clock, piece, chosen } = this.stage;
    const note = piece.notesBySource.get(chosen);
    if (note) clock.seek(Math.max(0, note.onset_s - BEFORE_NOTE_S));
    this.#sound(clock.play());
  }

  speed(step) {
    const { clock } = this.stage;
    this.rate(clock.rate + step * SPEED_STEP);
  }

  rate(rate) {
    const { clock } = this.stage;
    clock.setRate(Math.round(rate / SPEED_STEP) * SPEED_STEP);
    this.stage.say(t("stage.speed-is", { n: Math.round(100 * clock.rate) }));
  }

  // Off, or on again as it was; at first the present bar.
  loop() {
    const { clock, piece } = this.stage;
    if (clock.loop) {
      this.lastLoop = clock.loop;
      this.setLoop(null);
    } else {
      const here = piece.measureAt(clock.time);
      this.setLoop(this.lastLoop ?? piece.span(here, here));
    }
  }

  // The present bar becomes the first or last of the loop.
  loopEnd(which) {
    const { clock, piece } = this.stage;
    const here = piece.measureAt(clock.time);
    const { first, last } = clock.loop ?? { first: here, last: here };
    this.setLoop(which === "first" ? piece.span(here, Math.max(here, last)) : piece.span(Math.min(first, here), here));
  }

  setLoop(span) {
    const { clock, piece } = this.stage;
    clock.setLoop(span);
    const numbers = span && { first: piece.measures[span.first].number, last: piece.measures[span.last].number };
    this.stage.say(span ? t("stage.loop-is", numbers) : t("stage.loop-off"));
  }

  metronome() {
    const { metronome } = this.stage;
    metronome.set(!metronome.on);
    this.stage.showState();
  }

  voice(name) {
    const { clock } = this.stage;
    const other = name ?? (clock.voice === "piano" ? "recording" : "piano");
    if (!clock.voices[other]) return;
    if (other === "piano") clock.voices.piano.prepare();
    this.#sound(clock.setVoice(other));
  }

  // Which hand is played: "left", "both" or "right". The other rests: silent on the piano, grey on the page.
  hand(which) {
    this.hands = which;
    this.stage.restHand({ left: "right", both: null, right: "left" }[which], which);
  }

  follow() {
    const { follow, clock, piece } = this.stage;
    follow.resume();
    follow.keep(piece.measureAt(clock.time));
  }

  doubts() {
    const { doubts } = this.stage;
    doubts.root.hidden = !doubts.root.hidden;
    this.stage.showState();
  }

  evidence() {
    this.stage.evidence.toggle();
  }

  panels() {
    this.stage.bottom.classList.toggle("folded");
    this.stage.showState();
  }

  add() {
    const { adding } = this.stage;
    if (!this.stage.job.may_edit) return;
    adding.set(!adding.active);
    if (!adding.active) return;
    this.stage.bottom.classList.remove("folded");
    this.stage.roll.element.focus({ preventScroll: true });
    this.stage.say(t("stage.add-how"));
  }

  // Bar by index, played once.
  listenTo(index) {
    const { clock, piece, follow } = this.stage;
    const { start, end } = piece.span(index, index);
    follow.resume();
    this.#sound(clock.playOnce(Math.max(0, start - BEFORE_NOTE_S), end));
  }

  #go(at) {
    const { clock, follow, piece } = this.stage;
    clock.seek(at);
    follow.resume();
    follow.keep(piece.measureAt(at));
  }

  // A voice that cannot sound says so on the page.
  #sound(playing) {
    Promise.resolve(playing).catch(() => this.stage.say(t("stage.cannot-play"), true));
  }
}
