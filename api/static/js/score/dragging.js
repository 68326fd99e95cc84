// One gesture for every picture of the music: a press is a click unless it moves; then it is a drag from one place to
// another. With a mouse or pen at once; with a finger only where the picture does not also have to scroll.

const MOVED_PX = 7;

// at(event) -> a place or null; click(place, event); drag(from, to) while it moves; drop() at its end.
export function dragging(element, { at, click, drag, drop = () => {}, touch = false }) {
  let from = null;
  let began = null;
  let moved = false;

  const down = (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    began = { x: event.clientX, y: event.clientY, draggable: touch || event.pointerType !== "touch" };
    from = at(event);
    moved = false;
  };
  const move = (event) => {
    if (!began || !began.draggable || from === null) return;
    if (!moved && Math.hypot(event.clientX - began.x, event.clientY - began.y) < MOVED_PX) return;
    if (!moved) element.setPointerCapture(event.pointerId);
    moved = true;
    const to = at(event);
    if (to !== null) drag(from, to, event);
  };
  const up = (event) => {
    if (!began) return;
    if (moved) drop();
    else if (from !== null) click(from, event);
    began = null;
  };
  const cancel = () => {
    if (moved) drop();
    began = null;
  };
  element.addEventListener("pointerdown", down);
  element.addEventListener("pointermove", move);
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", cancel);
  return () => {
    element.removeEventListener("pointerdown", down);
    element.removeEventListener("pointermove", move);
    element.removeEventListener("pointerup", up);
    element.removeEventListener("pointercancel", cancel);
  };
}
