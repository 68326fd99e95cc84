// Where things lie on a drawn page, read from the drawing's own numbers, so that the browser need not lay it out.
// Everything is in fractions of the whole page's width and height.

const NUMBERS = /-?\d+(?:\.\d+)?/g;
const numbersIn = (text) => (text?.match(NUMBERS) ?? []).map(Number);

export function pageGeometry(svg) {
  const [, , width, height] = numbersIn(svg.querySelector(".definition-scale").getAttribute("viewBox"));
  const [marginX = 0, marginY = 0] = numbersIn(svg.querySelector(".page-margin").getAttribute("transform"));
  const across = (x) => (x + marginX) / width;
  const down = (y) => (y + marginY) / height;
  const systems = [];
  const bars = new Map();
  for (const system of svg.querySelectorAll("g.system")) {
    const box = { left: 1, right: 0, top: 1, bottom: 0 };
    for (const measure of system.querySelectorAll("g.measure")) {
      const bar = barBox(measure, across, down);
      if (!bar) continue;
      bars.set(measure.id, { ...bar, system: systems.length });
      box.left = Math.min(box.left, bar.left);
      box.right = Math.max(box.right, bar.right);
      box.top = Math.min(box.top, bar.top);
      box.bottom = Math.max(box.bottom, bar.bottom);
    }
    systems.push(box);
  }
  return { systems, bars, heads: headPlaces(svg, across, down), staffHeight: staffHeight(svg) / height };
}

// From the first line of the highest staff to the last line of the lowest.
function barBox(measure, across, down) {
  const lines = [...measure.querySelectorAll(":scope > g.staff > path")].map((path) => numbersIn(path.getAttribute("d")));
  if (lines.length === 0) return null;
  return {
    left: across(Math.min(...lines.map(([x]) => x))),
    right: across(Math.max(...lines.map(([, , x]) => x))),
    top: down(Math.min(...lines.map(([, y]) => y))),
    bottom: down(Math.max(...lines.map(([, y]) => y))),
  };
}

function staffHeight(svg) {
  const lines = [...(svg.querySelector("g.staff")?.querySelectorAll(":scope > path") ?? [])];
  const heights = lines.slice(0, 5).map((path) => numbersIn(path.getAttribute("d"))[1]);
  return heights.length > 1 ? Math.max(...heights) - Math.min(...heights) : 660;
}

function headPlaces(svg, across, down) {
  const places = new Map();
  for (const note of svg.querySelectorAll("g.note")) {
    const drawn = note.querySelector(".notehead use");
    const [x, y] = numbersIn(drawn?.getAttribute("transform"));
    // The transform is the head's left edge; a head is about 200 of the page's units wide.
    if (x !== undefined) places.set(note.id, { x: across(x + 100), y: down(y) });
  }
  return places;
}
