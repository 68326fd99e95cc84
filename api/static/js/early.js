// Before anything is painted: which view the address asks for, and the theme that was chosen here, so that the page does
// not change its look. A plain script, because modules run only after the first paint.
document.documentElement.dataset.view = location.hash.length > 1 ? "job" : "home";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // without storage the system decides
}
