// Where a recording is given, and the list of what was given before.

import { Library } from "./library.js";
import { remember } from "./recent.js";
import { setUpUpload } from "./upload.js";

export class Home {
  constructor() {
    this.library = new Library();
    setUpUpload((accepted) => {
      remember(accepted);
      location.hash = accepted.id;
    });
  }

  open() {
    this.library.open();
  }

  close() {
    this.library.close();
  }
}
