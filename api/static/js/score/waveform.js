// The whole recording as a band: its loudness, its bars, where it plays, and the loop. A click goes there, a drag makes
// a loop from bar to bar.

import { Canvas } from "./canvas.js";
import { dragging } from "./dragging.js";

const RULER_PX = 15;
const BAR_LABEL_PX = 34; // bar numbers stand no closer than this

export class Waveform {
  constructor(clock, piece, { onSeek, onLoop }) {
    this.clock = clock;
    this.piece = piece;
    this.band = document.createElement("canvas"); // the loudness, drawn once for each size and theme
    this.canvas = new Canvas("waveform", { role: "img", "data-t-label": "stage.waveform" }, (...args) => this.#paint(...args));
    this.element = this.canvas.element;
    this.endDragging = dragging(this.element, {
      at: (event) => this.#timeAt(event),
      click: (at) => onSeek(at),
      drag: (from, to) => onLoop(this.piece.span(this.piece.measureAt(from), this.piece.measureAt(to))),
      touch: true,
    });
  }

  setPiece(piece) {
    this.piece = piece;
    this.canvas.stale = true;
    this.draw();
  }

  draw() {
    this.canvas.draw();
  }

  destroy() {
    this.endDragging();
    this.canvas.destroy();
  }

  #timeAt(event) {
    const box = this.element.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.clock.duration;
  }

  #paint(context, width, height, colours) {
    if (this.canvas.stale) this.#drawBand(width, height, colours);
    const across = (at) => (at / this.clock.duration) * width;
    const high = height - RULER_PX;
    context.clearRect(0, 0, width, height);
    const { loop, time } = this.clock;
    if (loop) {
      context.fillStyle = colours.loop;
      context.fillRect(across(loop.start), 0, Math.max(2, across(loop.end) - across(loop.start)), height);
    }
    const played = across(time);
    context.globalAlpha = 0.55;
    context.drawImage(this.band, 0, 0, width, height);
    context.globalAlpha = 1;
    context.save();
    context.beginPath();
    context.rect(0, 0, played, high);
    context.clip();
    context.drawImage(this.band, 0, 0, width, height);
    context.restore();
    context.fillStyle = colours.accent;
    context.fillRect(played - 1, 0, 2, height);
  }

  #drawBand(width, height, colours) {
    this.canvas.stale = false;
    const sharpness = this.canvas.sharpness;
    this.band.width = Math.round(width * sharpness);
    this.band.height = Math.round(height * sharpness);
    const context = this.band.getContext("2d");
    context.scale(sharpness, sharpness);
    const high = height - RULER_PX;
    context.fillStyle = colours.wave;
    const loudness = this.piece.peaks ? peakColumns(this.piece, width) : struckColumns(this.piece, width);
    loudness.forEach((level, x) => {
      const tall = Math.max(1, level * (high - 4));
      context.fillRect(x, (high - tall) / 2, 1, tall);
    });
    this.#drawBars(context, width, height, colours);
  }

  #drawBars(context, width, height, colours) {
    context.font = `10px ${getComputedStyle(this.element).fontFamily}`;
    context.textBaseline = "bottom";
    let free = 0;
    for (const { start_s, number } of this.piece.measures) {
      const x = (start_s / this.clock.duration) * width;
      if (x < free || x > width - 12) continue;
      context.fillStyle = colours.soft;
      context.fillRect(x, height - RULER_PX + 1, 1, RULER_PX - 1);
      context.fillStyle = colours.soft;
      context.fillText(String(number), x + 3, height);
      free = x + BAR_LABEL_PX;
    }
  }
}

// The largest excursion in each pixel's span of the recording, 0..1 of the loudest.
function peakColumns({ peaks: { rate, peaks }, duration }, width) {
  const columns = [];
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor(((x * duration) / width) * rate);
    const to = Math.max(from + 1, Math.floor((((x + 1) * duration) / width) * rate));
    let most = 0;
    for (let place = from; place < to && place < peaks.length; place += 1) {
      most = Math.max(most, peaks[place][1], -peaks[place][0]);
    }
    columns.push(most);
  }
  const loudest = Math.max(1, ...columns);
  return columns.map((level) => level / loudest);
}

// Without a recording's peaks: how hard and how often was struck in each pixel's span, 0..1 of the busiest.
function struckColumns({ notes, duration }, width) {
  const columns = new Array(Math.ceil(width)).fill(0);
  for (const { onset_s, velocity } of notes) {
    const x = Math.floor((onset_s / duration) * width);
    if (x < columns.length) columns[x] += (velocity / 127) ** 3;
  }
  const loudest = Math.max(...columns) || 1;
  return columns.map((energy) => Math.sqrt(energy / loudest));
}
