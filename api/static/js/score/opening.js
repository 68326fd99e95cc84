// The first page of the score that the address names, drawn before the rest of the player is there, which takes it over.

import { part } from "../dom.js";
import { Sheet } from "./sheet.js";

let first = null;

export async function open(address, isOnly) {
  const sheet = new Sheet(1);
  first = sheet;
  part("stage").append(sheet.host);
  try {
    await sheet.draw(address, isOnly);
  } catch {
    sheet.host.remove(); // the player says so where it fails again
  }
}

// The sheet of this page, drawn or about to be; null where another one or none was begun.
export function takeFirst(address) {
  const sheet = first;
  first = null;
  if (sheet?.address === address) return sheet;
  sheet?.host.remove();
  return null;
}
