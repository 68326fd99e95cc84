// The page's words in the reader's language: t("key"), and every element of the page that names a key.
//
// An element says which words it shows by data-t (its text), data-t-label (its accessible name) and data-t-hint (its
// placeholder). A language is one more file beside en.js and one more line below.

import english from "./texts/en.js";

export const LANGUAGES = {
  en: { name: "English", direction: "ltr", load: async () => ({ default: english }) },
  de: { name: "Deutsch", direction: "ltr", load: () => import("./texts/de.js") },
};
const KEPT = "language";

let language = "en";
let words = english;
let plurals = new Intl.PluralRules(language);
let numbers = new Intl.NumberFormat(language);

export const currentLanguage = () => language;
export const number = (value) => numbers.format(value);
export const has = (key) => key in words;

// The words for `key`; {name} stands for holes.name, and n chooses between the forms of a plural.
export function t(key, holes = {}) {
  let text = words[key] ?? english[key];
  if (text === undefined) {
    console.error(`The page has no words for ${key}.`);
    return key;
  }
  if (typeof text !== "string") text = text[plurals.select(holes.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof holes[name] === "number" ? number(holes[name]) : holes[name]));
}

export function relabel(root) {
  const each = (attribute, set) => {
    for (const element of root.querySelectorAll(`[${attribute}]`)) set(element, t(element.getAttribute(attribute)));
  };
  each("data-t", (element, text) => (element.textContent = text));
  each("data-t-label", (element, text) => element.setAttribute("aria-label", text));
  each("data-t-hint", (element, text) => (element.placeholder = text));
}

// Raises where the words cannot be loaded; the page then stays in its language.
export async function setLanguage(code) {
  words = (await LANGUAGES[code].load()).default;
  language = code;
  plurals = new Intl.PluralRules(code);
  numbers = new Intl.NumberFormat(code);
  document.documentElement.lang = code;
  document.documentElement.dir = LANGUAGES[code].direction;
  relabel(document);
  window.dispatchEvent(new Event("languagechange"));
}

// What was chosen here before, else the first language of the browser that the page speaks.
export function preferredLanguage() {
  const wished = [keptLanguage(), ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wished.find((code) => code in LANGUAGES) ?? "en";
}

export function keepLanguage(code) {
  try {
    localStorage.setItem(KEPT, code);
  } catch {
    // without storage the choice ends with the page
  }
}

function keptLanguage() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
