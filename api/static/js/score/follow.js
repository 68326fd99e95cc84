// The page follows the music: when a system begins that cannot be seen whole together with the start of the next one,
// it moves to the top. Whoever scrolls while it plays is left alone until they ask for the music again.

const ABOVE_PX = 10; // left free above the system
const KEYS = new Set(["PageUp", "PageDown", "ArrowUp", "ArrowDown"]);

export class Follow {
  constructor(clock, sheets, { top, bottom, onChange }) {
    Object.assign(this, { clock, sheets, top, bottom, onChange });
    this.on = true;
    this.shown = null; // the system that was brought into view last
    this.leave = (event) => {
      if (event.type === "keydown" && !KEYS.has(event.key)) return;
      if (event.target instanceof Node && this.bottom.contains(event.target)) return;
      if (this.clock.playing) this.#set(false);
    };
    for (const type of ["wheel", "touchmove", "keydown"]) window.addEventListener(type, this.leave, { passive: true });
  }

  resume() {
    this.shown = null;
    this.#set(true);
  }

  // Brings the system of this bar into view where it has just become the present one.
  keep(measureIndex) {
    if (!this.on) return;
    const place = this.sheets.place(measureIndex);
    if (!place) {
      const sheet = this.sheets.pageOf(measureIndex);
      if (sheet && this.shown !== sheet) {
        this.shown = sheet;
        this.#bring(sheet.host.getBoundingClientRect().top);
      }
      return;
    }
    const system = place.sheet.geometry.systems[place.bar.system];
    if (this.shown === system) return;
    this.shown = system;
    const { top, height } = place.sheet.host.getBoundingClientRect();
    const margin = 2 * place.sheet.geometry.staffHeight;
    const from = top + height * place.sheet.seen({ x: 0, y: system.top - margin }).y;
    const to = top + height * place.sheet.seen({ x: 0, y: system.bottom + margin }).y;
    const [first, last] = this.#window();
    if (from >= first && to + 0.45 * (to - from) <= last) return;
    this.#bring(from);
  }

  // Pixels of the window between what is pinned above and below.
  #window() {
    return [this.top.getBoundingClientRect().bottom, Math.min(this.bottom.getBoundingClientRect().top, window.innerHeight)];
  }

  #bring(from) {
    const pinned = this.top.offsetHeight;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches || Math.abs(from) > 3 * window.innerHeight;
    window.scrollTo({ top: window.scrollY + from - pinned - ABOVE_PX, behavior: calm ? "instant" : "smooth" });
  }

  #set(on) {
    if (this.on === on) return;
    this.on = on;
    this.onChange(on);
  }

  destroy() {
    for (const type of ["wheel", "touchmove", "keydown"]) window.removeEventListener(type, this.leave);
  }
}
