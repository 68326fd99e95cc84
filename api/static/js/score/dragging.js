// One gesture for every picture of the music: a press is a click unless it moves; then it is a drag from one place to
// another. With a mouse or pen at once; with a finger, where the picture also has to scroll, once it has rested.

const MOVED_PX = 7;
const REST_MS = 350;

// at(event) -> a place or null; click(place, event); drag(from, to) while it moves; drop() at its end.
export function dragging(element, { at, click, drag, drop = () => {}, touch = false }) {
  let from = null;
  let began = null;
  let moved = false;
  let rest = null; // timer of a finger that rests

  const take = (event, to) => {
    if (!moved) element.setPointerCapture(event.pointerId);
    moved = true;
    drag(from, to, event);
  };
  const down = (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    clearTimeout(rest);
    began = { x: event.clientX, y: event.clientY, draggable: touch || event.pointerType !== "touch" };
    from = at(event);
    moved = false;
    if (began.draggable || from === null) return;
    rest = setTimeout(() => {
      began.draggable = true;
      take(event, from);
    }, REST_MS);
  };
  const move = (event) => {
    if (!began || from === null) return;
    if (!moved && Math.hypot(event.clientX - began.x, event.clientY - began.y) < MOVED_PX) return;
    clearTimeout(rest);
    if (!began.draggable) return;
    const to = at(event);
    if (to !== null) take(event, to);
  };
  const up = (event) => {
    if (!began) return;
    clearTimeout(rest);
    if (moved) drop();
    else if (from !== null) click(from, event);
    began = null;
  };
  const cancel = () => {
    clearTimeout(rest);
    if (moved) drop();
    began = null;
  };
  const keep = (event) => moved && began && event.preventDefault(); // neither scrolling nor a menu while a finger drags
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: cancel, touchmove: keep, contextmenu: keep };
  for (const [kind, listener] of Object.entries(listeners)) element.addEventListener(kind, listener, { passive: false });
  return () => {
    clearTimeout(rest);
    for (const [kind, listener] of Object.entries(listeners)) element.removeEventListener(kind, listener);
  };
}
