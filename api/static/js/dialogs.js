// The two questions that are asked both in the library and over a score: rename it? delete it?

import { make, part } from "./dom.js";
import { t } from "./texts.js";

// What the reader answered: the value of the button, "" where the dialog was dismissed.
function answer(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true }));
}

export async function askToDelete(name) {
  part("delete-about").textContent = t("delete.about", { name });
  return (await answer(part("delete-dialog"))) === "delete";
}

// {title, composer} as they shall be, or null.
export async function askForNames(title, composer) {
  const dialog = part("rename-dialog");
  part("rename-name").value = title;
  part("rename-composer").value = composer;
  part("rename-cancel").onclick = () => dialog.close("");
  if ((await answer(dialog)) !== "save") return null;
  return { title: part("rename-name").value.trim(), composer: part("rename-composer").value.trim() };
}

// The list of keys, shown by "?" and by the button: rows of [keys, what they do]; "Ctrl+Z" is two keys together.
export function showHelp(rows) {
  part("help-keys").replaceChildren(
    ...rows.flatMap(([keys, meaning]) => [
      make("dt", {}, ...keys.flatMap((key) => [...together(key), " "])),
      make("dd", {}, meaning),
    ]),
  );
  part("help-dialog").showModal();
}

function together(keys) {
  if (keys === "+") return [make("kbd", {}, keys)];
  return keys.split("+").flatMap((key, index) => [index ? " + " : "", make("kbd", {}, key)]);
}
