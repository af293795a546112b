// The integrations: their breakers at once, their figures every now and then.

import { follow, sendForms } from "./parts.js";

const FIGURES_EVERY_MS = 15_000;
let drawnAt = performance.now();

addEventListener("drawn", () => { drawnAt = performance.now(); });
sendForms();
follow((frame) => frame.type === "integration_status"
  || (frame.type === "webhook_event" && performance.now() - drawnAt > FIGURES_EVERY_MS));
