// The pages of the webhooks: the log with its live tail, one delivery, what waits.

import { page } from "./dom.js";
import { drawSoon, follow, sendForms } from "./parts.js";

const FRESH_MS = 6_000;
const tail = document.getElementById("tail");
const isLog = Boolean(document.getElementById("part-log"));
const isLive = () => !isLog || tail?.getAttribute("aria-pressed") === "true";
let known = ids();

function ids() {
  return new Set([...document.querySelectorAll(".log-row")].map((row) => row.id));
}

/** Mark the rows that have just come, once. */
function markFresh() {
  for (const row of document.querySelectorAll(".log-row")) {
    if (known.has(row.id)) continue;
    row.classList.add("is-fresh");
    setTimeout(() => row.classList.remove("is-fresh"), FRESH_MS);
  }
  known = ids();
}

if (tail) {
  tail.parentElement.hidden = false;
  const said = tail.parentElement.querySelector("[data-on]");
  tail.addEventListener("click", () => {
    const on = tail.getAttribute("aria-pressed") !== "true";
    tail.setAttribute("aria-pressed", on);
    said.textContent = on ? said.dataset.on : said.dataset.off;
    if (on) drawSoon();
  });
}
addEventListener("drawn", markFresh);
sendForms();
// What is typed into the testing tool stays: that page has no parts but the number of what waits.
follow((frame) => frame.type === "webhook_event" && isLive() && (!page.event || frame.eventId === page.event), isLive);
