// The stage by keyboard. Keys count while the stage or nothing that takes keys itself has the focus, and never while
// something is typed.

// As the page's help shows them: keys, and the text that says what they do.
export const SHORTCUTS = [
  ["Space", "stage.key.play"],
  ["← →", "stage.key.bar"],
  ["Home End", "stage.key.ends"],
  [", .", "stage.key.note"],
  ["Enter", "stage.key.hear"],
  ["- +", "stage.key.speed"],
  ["[ ]", "stage.key.loop-ends"],
  ["L", "stage.key.loop"],
  ["M", "stage.key.metronome"],
  ["S", "stage.key.voice"],
  ["1 2 3", "stage.key.hands"],
  ["F", "stage.key.follow"],
  ["U", "stage.key.doubts"],
  ["W", "stage.key.evidence"],
  ["N", "stage.key.add"],
];

const TYPED_IN = "input:not([type=range]):not([type=checkbox]), textarea, select, [contenteditable], dialog";
const PRESSED = "button, a, summary, [role=button]";
const TAKES_KEYS = "a, button, input, select, textarea, summary, [tabindex='0'], [contenteditable]"; // outside the stage
const SLID = "input[type=range]";

// commands: name -> function; see `named`. Returns what ends it.
export function listenToKeys(stage, adding, commands) {
  const listen = (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.closest(TYPED_IN) || document.querySelector("dialog[open]")) return;
    if (!stage.contains(target) && target.closest(TAKES_KEYS)) return;
    if (target.closest(SLID) && /^(Arrow|Home|End|Page)/.test(event.key)) return;
    if (target.closest(PRESSED) && (event.key === " " || event.key === "Enter")) return;
    if (adding.key(event)) {
      event.preventDefault();
      return;
    }
    const command = named(event.key);
    if (!command || !commands[command[0]]) return;
    event.preventDefault();
    commands[command[0]](...command.slice(1));
  };
  window.addEventListener("keydown", listen);
  return () => window.removeEventListener("keydown", listen);
}

function named(key) {
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case " ": return ["toggle"];
    case "ArrowLeft": return ["bar", -1];
    case "ArrowRight": return ["bar", 1];
    case "Home": return ["end", 0];
    case "End": return ["end", 1];
    case ",": return ["note", -1];
    case ".": return ["note", 1];
    case "Enter": return ["hear"];
    case "-": return ["speed", -1];
    case "+": case "=": return ["speed", 1];
    case "[": return ["loopEnd", "first"];
    case "]": return ["loopEnd", "last"];
    case "l": return ["loop"];
    case "m": return ["metronome"];
    case "s": return ["voice"];
    case "1": return ["hand", "left"];
    case "2": return ["hand", "both"];
    case "3": return ["hand", "right"];
    case "f": return ["follow"];
    case "u": return ["doubts"];
    case "w": return ["evidence"];
    case "n": return ["add"];
    default: return null;
  }
}
