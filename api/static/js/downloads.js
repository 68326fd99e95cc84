// The files of what is seen, and the pages as they are printed.

import { make, part } from "./dom.js";
import { t } from "./texts.js";

const KINDS = ["pdf", "musicxml", "midi", "quantized_midi", "sync", "recording"];

function entry(href, label, about) {
  const words = [label, make("small", {}, href ? about : t("download.soon"))];
  return make("li", {}, href ? make("a", { href, download: "" }, ...words) : make("span", { class: "soon" }, ...words));
}

// Files that still show the score before the last change are not offered.
export function showDownloads(job) {
  const pages = job.links.pages;
  part("downloads").replaceChildren(
    ...KINDS.map((kind) => entry(job.links[kind], t(`download.${kind}`), t(`download.${kind}-about`))),
    ...pages.map((href, index) => entry(href, t("download.svg"), svgAbout(index + 1, pages.length))),
  );
}

const svgAbout = (page, pages) => t("download.svg-about", { n: pages === 1 ? 1 : page });

// All pages as pictures: what is printed, and what is read where the player cannot be loaded. Lazy, because a browser
// that draws them all has no time for the player; it fetches them before it prints.
export function showSheets(job, name) {
  const pages = job.links.pages;
  part("sheets").replaceChildren(
    ...pages.map((href, index) =>
      make("img", { loading: "lazy", src: href, alt: t("job.page", { name, n: index + 1, pages: pages.length }) }),
    ),
  );
}

// Prints when every page is there.
export async function print() {
  const pictures = [...part("sheets").children];
  for (const picture of pictures) picture.loading = "eager";
  await Promise.allSettled(pictures.map((picture) => picture.decode()));
  window.print();
}
