// What is not on the menu: drawn anew when orders come or change, now and then; at once after a click.

import { drawSoon, follow, sendForms } from "./parts.js";

const EVERY_MS = 10_000;
let drawnAt = performance.now();
let due = 0;

/** Draw the page anew, at most every ten seconds: in a rush each order would ask for it. */
function later() {
  due ||= setTimeout(() => { due = 0; drawSoon(); }, Math.max(0, EVERY_MS - (performance.now() - drawnAt)));
}

addEventListener("drawn", () => { drawnAt = performance.now(); });
sendForms();
follow(() => false, () => true, later);
