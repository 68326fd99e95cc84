// Light, dark, or as the system: kept in this browser, applied by early.js before the first paint.

const KEPT = "theme";

export function setUpTheme(select) {
  select.value = document.documentElement.dataset.theme ?? "auto";
  select.addEventListener("change", () => {
    if (select.value === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = select.value;
    try {
      localStorage.setItem(KEPT, select.value);
    } catch {
      // without storage the choice ends with the page
    }
    tell();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
}

// What is drawn on a canvas must be drawn again.
const tell = () => window.dispatchEvent(new Event("themechange"));
