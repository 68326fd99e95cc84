// What was played as bars of time, each key a row: what comes slides to the line of the present. Here a missed note is
// put in; see adding.js.

import { t } from "../texts.js";
import { Canvas } from "./canvas.js";
import { dragging } from "./dragging.js";

const AHEAD_S = 6; // of the recording, shown to the right of the present
const BEHIND_S = 2;
const NARROW_PX = 600;
const WHITE = new Set([0, 2, 4, 5, 7, 9, 11]);
const MARGIN_KEYS = 1;
const SLIMMEST_PX = 4; // of a note; where rows are narrower, neighbours overlap
const FONT = "10px system-ui, sans-serif";

export class Roll {
  constructor(clock, piece, { onNote, onSeek, adding }) {
    this.clock = clock;
    this.piece = piece;
    this.adding = adding;
    this.chosen = null;
    this.resting = null;
    this.threshold = 0;
    this.ghosts = []; // notes that were added and are not in the piece yet
    this.canvas = new Canvas("roll", { role: "application", tabindex: "0", "data-t-label": "stage.roll" }, (...args) => this.#paint(...args));
    this.element = this.canvas.element;
    this.held = null;
    this.endDragging = dragging(this.element, {
      at: (event) => this.placeAt(event),
      click: (place, event) => this.#click(place, event, { onNote, onSeek }),
      drag: (from, to, event) => this.#drag(from, to, event, onSeek),
      drop: () => this.#drop(),
      touch: true,
    });
  }

  get span() {
    return this.canvas.width < NARROW_PX ? 0.55 * (AHEAD_S + BEHIND_S) : AHEAD_S + BEHIND_S;
  }

  // Left edge of what is shown, in seconds.
  get start() {
    return this.clock.time - (BEHIND_S / (AHEAD_S + BEHIND_S)) * this.span;
  }

  get rows() {
    const [low, high] = this.adding.active ? [21, 108] : [this.piece.lowest, this.piece.highest];
    const from = Math.max(21, low - MARGIN_KEYS);
    return { from, count: Math.min(108, high + MARGIN_KEYS) - from + 1 };
  }

  setPiece(piece) {
    this.piece = piece;
    this.ghosts = [];
    this.draw();
  }

  set(properties) {
    Object.assign(this, properties);
    this.draw();
  }

  draw() {
    this.canvas.draw();
  }

  destroy() {
    this.endDragging();
    this.canvas.destroy();
  }

  // A pointer's place in the music: {at: seconds, pitch}.
  placeAt(event) {
    const box = this.element.getBoundingClientRect();
    const { from, count } = this.rows;
    const row = Math.floor(((box.bottom - event.clientY) / box.height) * count);
    return {
      at: this.start + ((event.clientX - box.left) / box.width) * this.span,
      pitch: from + Math.min(Math.max(row, 0), count - 1),
    };
  }

  #click({ at, pitch }, event, { onNote, onSeek }) {
    if (this.adding.active) {
      this.adding.put(at, pitch);
      return;
    }
    const near = this.piece.notesBetween(at - 0.04, at + 0.04).filter((note) => Math.abs(note.pitch - pitch) <= 1);
    near.sort((a, b) => Math.abs(a.pitch - pitch) - Math.abs(b.pitch - pitch));
    if (near.length > 0) onNote(near[0]);
    else onSeek(at);
  }

  #drag(from, to, event, onSeek) {
    if (this.adding.active) {
      this.adding.stretch(from, to);
      return;
    }
    // The music moves with the pointer.
    this.held ??= { at: this.clock.time, x: event.clientX };
    onSeek(this.held.at - ((event.clientX - this.held.x) / this.canvas.width) * this.span);
  }

  #drop() {
    this.held = null;
    this.adding.dropped();
    this.draw();
  }

  #paint(context, width, height, colours) {
    const { from, count } = this.rows;
    const start = this.start;
    const end = start + this.span;
    const across = (at) => ((at - start) / this.span) * width;
    const row = height / count;
    const top = (pitch) => height - (pitch - from + 1) * row;
    context.fillStyle = colours.card;
    context.fillRect(0, 0, width, height);
    context.fillStyle = colours.paper;
    for (let pitch = from; pitch < from + count; pitch += 1) {
      if (!WHITE.has(pitch % 12)) context.fillRect(0, top(pitch), width, row);
    }
    const { loop } = this.clock;
    if (loop) {
      context.fillStyle = colours.loop;
      context.fillRect(across(loop.start), 0, across(loop.end) - across(loop.start), height);
    }
    this.#paintBars(context, start, end, across, height, colours);
    context.fillStyle = colours.line;
    for (const pedal of this.piece.pedals) {
      if (pedal.off_s > start && pedal.on_s < end) {
        context.fillRect(across(pedal.on_s), height - 3, across(pedal.off_s) - across(pedal.on_s), 3);
      }
    }
    const time = this.clock.time;
    for (const note of this.piece.notesBetween(start, end)) this.#paintNote(context, note, across, top, row, time, colours);
    for (const note of [...this.ghosts, ...this.adding.drafts]) paintGhost(context, note, across, top, row, colours);
    context.fillStyle = colours.accent;
    context.fillRect(across(time) - 1, 0, 2, height);
  }

  #paintBars(context, start, end, across, height, colours) {
    context.font = FONT;
    context.textBaseline = "top";
    const last = this.piece.measureAt(end);
    for (let index = this.piece.measureAt(start); index <= last; index += 1) {
      const measure = this.piece.measures[index];
      context.fillStyle = colours.line;
      for (const beat of measure.beats_s) context.fillRect(across(beat), 0, 1, height);
      context.fillStyle = colours.soft;
      context.fillRect(across(measure.start_s), 0, 1, height);
      context.fillText(t("stage.bar-short", { n: measure.number }), across(measure.start_s) + 4, 3);
    }
  }

  #paintNote(context, note, across, top, row, time, colours) {
    const x = across(note.onset_s);
    const width = Math.max(3, across(note.offset_s) - x - 1);
    const height = Math.max(SLIMMEST_PX, row - 1);
    const y = top(note.pitch) + (row - height) / 2;
    const down = note.onset_s <= time && time < note.offset_s;
    context.globalAlpha = note.hand === this.resting ? 0.25 : 1;
    context.fillStyle = down ? colours[note.hand] : colours[`${note.hand}Soft`];
    context.beginPath();
    context.roundRect(x, y, width, height, Math.min(3, height / 2));
    context.fill();
    const doubtful = note.confidence < this.threshold;
    if (doubtful || note.source === this.chosen) {
      context.strokeStyle = note.source === this.chosen ? colours.ink : colours.doubt;
      context.lineWidth = note.source === this.chosen ? 2 : 1.5;
      context.setLineDash(doubtful ? [3, 2] : []);
      context.stroke();
      context.setLineDash([]);
    }
    context.globalAlpha = 1;
  }
}

function paintGhost(context, note, across, top, row, colours) {
  const x = across(note.onset_s);
  context.strokeStyle = colours.accent;
  context.fillStyle = colours.loop;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(x, top(note.pitch) + 0.5, Math.max(4, across(note.offset_s) - x), Math.max(3, row - 1), 2);
  context.fill();
  context.stroke();
}
