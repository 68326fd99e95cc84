// A page's SVG as the service draws it -> elements and styles that this page's strict policy lets in: styles go into
// constructed style sheets, the font of text signs into the document's fonts, and nothing of it can run.

const STYLE = /<style[^>]*>([^]*?)<\/style>/g;
const FONT = /@font-face\s*{\s*font-family:\s*'([^']+)';\s*src:\s*url\(data:[^,]+,([A-Za-z0-9+/=]+)\)[^}]*}/g;
const ACTIVE = "script, foreignObject, iframe, a, animate, set, image";
const fonts = new Set();

export function readDrawing(text) {
  const rules = [];
  // Taken out before it is parsed: the parser, too, would refuse them.
  const bare = text.replace(STYLE, (_, style) => {
    rules.push(style.replace(FONT, (_, family, data) => keepFont(family, data)));
    return "";
  });
  const svg = new DOMParser().parseFromString(bare, "image/svg+xml").documentElement;
  if (svg.localName !== "svg") throw new Error("The page is not a drawing.");
  svg.querySelectorAll(ACTIVE).forEach((element) => element.remove());
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  // The drawing within fills its page whatever part of it is looked at.
  const [, , width, height] = svg.getAttribute("viewBox").split(/\s+/);
  svg.querySelector(".definition-scale").setAttribute("width", width);
  svg.querySelector(".definition-scale").setAttribute("height", height);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules.join("\n"));
  return { svg, sheet };
}

function keepFont(family, data) {
  if (fonts.has(family)) return "";
  fonts.add(family);
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const face = new FontFace(family, bytes);
  document.fonts.add(face);
  face.load();
  return "";
}
