// Line drawings for buttons, and colours for canvases.

const SVG = "http://www.w3.org/2000/svg";

const PATHS = {
  play: "M8 5.5v13l10.5-6.5z",
  pause: "M8 5.5v13M16 5.5v13",
  loop: "M6 10V9a3 3 0 0 1 3-3h9M15 3l3 3-3 3M18 14v1a3 3 0 0 1-3 3H6M9 21l-3-3 3-3",
  metronome: "M9 3.5h6l3.5 17h-13zM7 15.5h10M12 15.5l6.5-9",
  doubt: "M9.2 9.2a2.9 2.9 0 1 1 4.3 2.6c-1 .6-1.5 1.1-1.5 2.4M12 17.8v.4M12 2.8a9.2 9.2 0 1 0 0 18.4 9.2 9.2 0 0 0 0-18.4z",
  panels: "M4 5h16v14H4zM4 15h16M8 15v4M12 15v4M16 15v4M7 8.5h4M12 11.5h5",
  add: "M12 6v12M6 12h12",
  back: "M19 6v12M15.5 6.5v11L7 12zM5 6v12",
  close: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  microphone: "M12 3.5a2.7 2.7 0 0 1 2.7 2.7v5a2.7 2.7 0 0 1-5.4 0v-5A2.7 2.7 0 0 1 12 3.5zM6.5 11a5.5 5.5 0 0 0 11 0M12 16.5v4M9 20.5h6",
  keys: "M4 5h16v14H4zM9.3 12v7M14.7 12v7M8 5v7h2.6V5M13.4 5v7H16V5",
  leftHand: "M8 5v14h9",
  bothHands: "M4.5 6v12h5.5M14 18V6h3a3 3 0 0 1 0 6.2h-3M17 12.2l3 5.8",
  rightHand: "M8.5 19V5h4a3.8 3.8 0 0 1 0 7.6h-4M12.5 12.6l4.5 6.4",
};

// 24 by 24, in the colour of the text around it.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

// Calls `change` when the colours of the page may have changed; returns what ends that.
export function onTheme(change) {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const watcher = new MutationObserver(change);
  watcher.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class", "style"] });
  media.addEventListener("change", change);
  return () => {
    watcher.disconnect();
    media.removeEventListener("change", change);
  };
}

// The custom properties of `element` by these names, as canvas colours: {ink: "#23201c", ...}.
export function coloursOf(element, names) {
  const style = getComputedStyle(element);
  return Object.fromEntries(names.map((name) => [name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase()), style.getPropertyValue(`--${name}`).trim()]));
}
