// Says when there is no connection, and what goes on working all the same.

import { t } from "./texts.js";

export function setUpConnection(notice) {
  const show = () => {
    notice.textContent = navigator.onLine ? "" : t("page.offline");
    notice.hidden = navigator.onLine;
  };
  for (const kind of ["online", "offline", "languagechange"]) window.addEventListener(kind, show);
  show();
}
