// Recording in the browser: permission, a look at the level, a count-in, the recording, and listening to it before it
// is sent.

import { clock, make, part } from "./dom.js";
import { inDecibels, judgement, LevelStaff } from "./levelstaff.js";
import { Microphone } from "./microphone.js";
import { t } from "./texts.js";

const COUNT = 4;
const BEAT_MS = 800; // 75 a minute
const JUDGED_MS = 3000; // of playing that the advice about the level is taken from
const METER_DB = 60;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function setUpRecorder({ onOpen, onClose, onRecorded }) {
  const root = part("recorder");
  const button = part("record-open");
  let session = null;

  function close() {
    session?.end();
    session = null;
    root.hidden = true;
    part("record-row").hidden = false;
    onClose();
  }

  button.addEventListener("click", async () => {
    session?.end();
    onOpen();
    part("record-row").hidden = true;
    root.hidden = false;
    session = new Session(root, { onRecorded, onAgain: () => button.click(), onCancel: () => {
      close();
      button.focus();
    } });
    await session.begin();
  });
  if (document.documentElement.dataset.wanted === "microphone") button.click();
  return { close };
}

// From the question for permission to the finished file.
class Session {
  constructor(root, { onRecorded, onAgain, onCancel }) {
    this.root = root;
    this.onRecorded = onRecorded;
    this.onAgain = onAgain;
    this.cancel = () => make("button", { type: "button", onclick: onCancel }, t("page.cancel"));
    this.ended = false;
    this.status = make("p", { role: "status" });
  }

  show(...children) {
    this.root.replaceChildren(make("h2", {}, t("record.title")), ...children);
  }

  async begin() {
    this.status.textContent = t("record.asking");
    this.show(make("p", { class: "quiet" }, t("record.advice")), this.status, make("div", { class: "row" }, this.cancel()));
    try {
      this.microphone = await Microphone.open();
    } catch (error) {
      if (error.key === undefined) throw error;
      this.show(make("p", { class: "problem", role: "alert" }, t(error.key)), this.retryRow());
      return;
    }
    if (this.ended) return this.microphone.close();
    this.microphone.onLost(() => this.lose());
    this.ready();
  }

  retryRow() {
    return make("div", { class: "row" }, make("button", { type: "button", onclick: this.onAgain }, t("record.again")), this.cancel());
  }

  ready() {
    const start = make("button", { type: "button", class: "primary", onclick: () => this.countIn() }, t("record.start"));
    this.countsIn = make("input", { type: "checkbox", checked: true });
    this.meter = make("meter", { min: -METER_DB, max: 0, low: -35, high: -1, optimum: -12, "aria-label": t("record.level") });
    const canvas = make("canvas", { "aria-hidden": "true" });
    this.staff = new LevelStaff(canvas);
    this.advice = make("span", { class: "quiet" });
    this.time = make("span", { class: "time", role: "timer" });
    this.row = make("div", { class: "row" }, start, make("label", {}, this.countsIn, t("record.count-in")), this.cancel());
    this.status.textContent = t("record.ready");
    this.show(make("p", { class: "quiet" }, t("record.advice")), canvas, this.meter, this.status, this.advice, this.row);
    start.focus();
    this.peaks = [];
    requestAnimationFrame((now) => this.watch(now));
  }

  watch(now) {
    if (this.ended) return;
    const { peak } = this.microphone.level();
    this.staff.add(peak, now);
    this.meter.value = Math.max(-METER_DB, inDecibels(peak));
    this.peaks = [...this.peaks.filter((one) => now - one.at < JUDGED_MS), { at: now, peak }];
    const advice = t(`record.${judgement(inDecibels(Math.max(...this.peaks.map((one) => one.peak))))}`);
    if (this.advice.textContent !== advice) this.advice.textContent = advice;
    if (this.microphone.isRecording) {
      const time = clock((now - this.startedAt) / 1000);
      if (this.time.textContent !== time) this.time.textContent = time;
    }
    requestAnimationFrame((next) => this.watch(next));
  }

  async countIn() {
    if (this.countsIn.checked) {
      const count = make("span", { class: "count", "aria-hidden": "true" });
      const cancel = this.cancel();
      this.row.replaceChildren(count, cancel);
      cancel.focus();
      for (let left = COUNT; left > 0 && !this.ended; left -= 1) {
        count.textContent = left;
        this.status.textContent = t("record.counting", { n: left });
        this.microphone.click(left === COUNT);
        await pause(BEAT_MS);
      }
      if (this.ended) return;
    }
    this.record();
  }

  async record() {
    const stop = make("button", { type: "button", class: "primary", onclick: () => this.finish() }, t("record.stop"));
    this.row.replaceChildren(make("span", { class: "dot", "aria-hidden": "true" }), this.time, stop, this.cancel());
    this.status.textContent = t("record.running");
    this.microphone.record();
    this.startedAt = performance.now();
    stop.focus();
    // A phone that goes to sleep stops recording; where the lock is refused the player touches the screen himself.
    this.lock = await navigator.wakeLock?.request("screen").catch(() => null);
  }

  async finish(words = "") {
    const length_s = (performance.now() - this.startedAt) / 1000;
    const day = new Date().toLocaleString("sv").replaceAll(":", "."); // 2026-11-23 19.30.05, which sorts by itself
    const file = await this.microphone.finish(`${t("record.file-name")} ${day}`);
    this.end();
    if (file.size === 0) {
      this.show(make("p", { class: "problem", role: "alert" }, t("record.nothing")), this.retryRow());
      return;
    }
    this.address = URL.createObjectURL(file);
    this.status.textContent = `${t("record.done", { time: clock(length_s) })} ${words}`;
    this.show(
      this.status,
      make("audio", { controls: true, src: this.address, "aria-label": t("record.listen") }),
      make(
        "div",
        { class: "row" },
        make("button", { type: "button", onclick: this.onAgain }, t("record.again")),
        make("a", { href: this.address, download: file.name }, t("record.keep")),
        this.cancel(),
      ),
    );
    this.onRecorded(file);
  }

  lose() {
    if (this.ended) return;
    if (this.microphone.recorder) {
      this.finish(t("record.lost"));
      return;
    }
    this.end();
    this.show(make("p", { class: "problem", role: "alert" }, t("record.missing")), this.retryRow());
  }

  end() {
    if (!this.ended) this.microphone?.close();
    this.ended = true;
    this.lock?.release();
    if (this.address) URL.revokeObjectURL(this.address);
  }
}
