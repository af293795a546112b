// What every page has: menus that close, and the number of open alerts.

import { getPage, SessionEnded } from "./dom.js";

const LOOK_EVERY_MS = 60_000;
// While the socket brings the alerts, asking is a net below it: a page where nothing happens is left in peace.
const LIVE_LOOK_EVERY_MS = 600_000;
const PAUSE_MS = 1_000;

// A menu closes when one presses elsewhere, or Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    const held = menu.contains(document.activeElement);
    menu.open = false;
    if (held) menu.querySelector("summary").focus();
  }
});

// On a phone the links run out of the screen: the one of this page is brought into it.
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// The number is asked for, never counted here: a frame may be lost, and the server knows.
const badge = () => document.getElementById("alert-count");
const isLive = () => document.getElementById("connection")?.dataset.state === "live";
let due = 0;
let lookedAt = performance.now();

async function look() {
  due = 0;
  lookedAt = performance.now();
  try {
    const fresh = await getPage(badge().dataset.url);
    badge().replaceWith(fresh.getElementById("alert-count"));
  } catch (error) {
    if (error instanceof SessionEnded) clearInterval(clock);
  }
}

function soon() {
  due ||= setTimeout(look, PAUSE_MS);
}

let clock = 0;
if (badge()) {
  clock = setInterval(() => {
    if (!document.hidden && (!isLive() || performance.now() - lookedAt > LIVE_LOOK_EVERY_MS)) soon();
  }, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  addEventListener("frame", (event) => { if (event.detail.type === "alert" || event.detail.type === "hello") soon(); });
}
