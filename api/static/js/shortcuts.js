// Keys that work anywhere on the page, and the list of all keys.

import { showHelp } from "./dialogs.js";
import { part } from "./dom.js";
import { t } from "./texts.js";

const isTyping = (target) => target.closest("input, select, textarea, [contenteditable], dialog") !== null;

// The player's keys, where it is loaded.
async function scoreRows(isScoreOpen) {
  if (!isScoreOpen) return [];
  try {
    const { SHORTCUTS } = await import("./score/keys.js");
    return SHORTCUTS.map(([keys, text]) => [keys.split(" "), t(text)]);
  } catch {
    return [];
  }
}

async function help(view) {
  const isOpen = view?.desk.isOpen ?? false;
  const own = [
    [[`${t("key.ctrl")}+Z`], t("help.undo")],
    [[`${t("key.ctrl")}+${t("key.shift")}+Z`], t("help.redo")],
    [["E"], t("help.correct")],
    [[t("key.delete")], t("help.delete")],
    [["H"], t("help.hand")],
  ];
  showHelp([...(isOpen ? own : []), ...(await scoreRows(view?.job?.state === "done")), [["?"], t("help.help")]]);
}

// viewNow(): the view of a transcription, null until one was opened.
export function setUpShortcuts(viewNow) {
  part("help-open").addEventListener("click", () => help(viewNow()));
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isTyping(event.target)) return;
    const act = action(event, viewNow());
    if (!act) return;
    event.preventDefault();
    act();
  });
  setUpMenus();
}

function action(event, view) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "?") return () => help(view);
  if (!view?.desk.isOpen || event.altKey) return null;
  const { desk } = view;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") return () => (event.shiftKey ? desk.revisions.redo() : desk.revisions.undo());
    return key === "y" ? () => desk.revisions.redo() : null;
  }
  const hasNote = desk.card.note !== null;
  if (key === "e") return () => desk.approach();
  if (key === "h" && hasNote) return () => desk.card.changeHand();
  if ((key === "Delete" || key === "Backspace") && hasNote) return () => desk.card.delete();
  return null;
}

// A menu closes by Escape and by a click elsewhere, and gives the focus back.
function setUpMenus() {
  const open = () => document.querySelectorAll("details.menu[open]");
  window.addEventListener("click", (event) => {
    for (const menu of open()) if (!menu.contains(event.target)) menu.open = false;
  });
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      event.preventDefault();
    }
  });
}
