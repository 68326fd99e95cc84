// The drawing's signs (heads, clefs, rests, ...) as plain paths. In the file each is a reference to a glyph, moved and
// scaled to its place; a browser keeps a layer's worth of state for every such transform, and a page has hundreds.

const SVG = "http://www.w3.org/2000/svg";
const XLINK = "http://www.w3.org/1999/xlink";
const TOKENS = /[A-Za-z]|-?(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?/g;
const PLACED = /^translate\(([-\d.]+), *([-\d.]+)\)(?: *scale\(([-\d.]+), *([-\d.]+)\))?$/;
const FLIPPED = /^scale\(([-\d.]+), *([-\d.]+)\)$/;
const COUNT = { M: 2, L: 2, H: 1, V: 1, C: 6, S: 4, Q: 4, Z: 0 };

// The glyphs that a drawing defines: id -> outline in the glyph's own units, y downwards.
export function readGlyphs(svg) {
  const glyphs = new Map();
  for (const definition of svg.querySelectorAll("defs > g")) {
    const path = definition.firstElementChild;
    const scale = path?.getAttribute("transform")?.match(FLIPPED);
    if (definition.children.length !== 1 || path.localName !== "path" || !scale) continue;
    const outline = absolute(path.getAttribute("d"));
    if (outline) glyphs.set(definition.id, { outline, scale: [Number(scale[1]), Number(scale[2])] });
  }
  return glyphs;
}

// Puts a path in the place of every reference within `part`; one that is not understood stays as it is.
export function drawGlyphs(part, glyphs) {
  for (const use of part.querySelectorAll("use")) {
    const reference = use.getAttributeNS(XLINK, "href") ?? use.getAttribute("href") ?? "";
    const glyph = glyphs.get(reference.slice(1));
    const place = use.getAttribute("transform")?.match(PLACED);
    if (!glyph || !place) continue;
    const [x, y, across, down] = place.slice(1).map((number) => Number(number ?? 1));
    const path = part.ownerDocument.createElementNS(SVG, "path");
    path.setAttribute("d", moved(glyph, x, y, across, down));
    use.replaceWith(path);
  }
}

// Whole units: one is a twentieth of a pixel on a wide screen.
function moved({ outline, scale }, x, y, across, down) {
  const [wide, high] = [across * scale[0], down * scale[1]];
  return outline
    .map(([command, ...numbers]) => command + numbers.map((number, place) => Math.round(place % 2 ? y + high * number : x + wide * number)).join(" "))
    .join("");
}

// Path data -> [[command, ...absolute numbers], ...] of M, L, C, Q and Z; null where it holds anything else.
function absolute(data) {
  const tokens = data.match(TOKENS) ?? [];
  const found = [];
  let [x, y, startX, startY, place] = [0, 0, 0, 0, 0];
  let [command, control] = ["", null]; // the last cubic control point, for S
  while (place < tokens.length) {
    if (/[A-Za-z]/.test(tokens[place])) {
      command = tokens[place];
      place += 1;
    } else if (command === "M") command = "L";
    else if (command === "m") command = "l";
    const kind = command.toUpperCase();
    const count = COUNT[kind];
    if (count === undefined) return null;
    const numbers = tokens.slice(place, place + count).map(Number);
    place += count;
    const isRelative = command !== kind;
    if (isRelative && kind === "H") numbers[0] += x;
    else if (isRelative && kind === "V") numbers[0] += y;
    else if (isRelative) numbers.forEach((number, index) => (numbers[index] = number + (index % 2 ? y : x)));
    if (kind === "Z") {
      found.push(["Z"]);
      [x, y, control] = [startX, startY, null];
      continue;
    }
    if (kind === "H") numbers.push(y);
    if (kind === "V") numbers.unshift(x);
    if (kind === "S") numbers.unshift(...(control ? [2 * x - control[0], 2 * y - control[1]] : [x, y]));
    found.push([{ H: "L", V: "L", S: "C" }[kind] ?? kind, ...numbers]);
    [x, y] = numbers.slice(-2);
    control = kind === "C" || kind === "S" ? numbers.slice(2, 4) : null;
    if (kind === "M") [startX, startY] = [x, y];
  }
  return found;
}
