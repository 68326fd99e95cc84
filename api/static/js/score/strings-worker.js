// Makes tones away from the page's thread: a pitch comes in, its two channels go back.

import { tone } from "./strings.js";

self.addEventListener("message", ({ data: pitch }) => {
  const channels = tone(pitch);
  self.postMessage({ pitch, channels }, channels.map((channel) => channel.buffer));
});
