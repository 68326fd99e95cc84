// Before anything is painted: which view the address asks for, and the theme that was chosen here, so that the page does
// not change its look; and the way past the head, for who is quicker than the modules. A plain script, because modules
// run only after the first paint.
document.documentElement.dataset.view = location.hash.length > 1 ? "job" : "home";
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // without storage the system decides
}
document.addEventListener("click", (event) => {
  if (!event.target.closest?.(".skip")) return;
  event.preventDefault(); // the address names the view
  document.getElementById("main").focus();
});
