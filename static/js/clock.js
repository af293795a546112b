// Times that run: how long ago, and how long until an order must be answered. By the server's clock, not the screen's.

import { locale, page, words } from "./dom.js";

const SOON_S = 180;
const URGENT_S = 60;
const ahead = Date.parse(page.now) - Date.now();
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "narrow" });

/** Return the server's time, in milliseconds since 1970. */
export const now = () => Date.now() + ahead;

/** Return how long ago a moment was, in the page's language. */
export function ago(seconds) {
  if (seconds < 45) return relative.format(0, "second");
  if (seconds < 5_400) return relative.format(-Math.round(seconds / 60), "minute");
  if (seconds < 129_600) return relative.format(-Math.round(seconds / 3_600), "hour");
  return relative.format(-Math.round(seconds / 86_400), "day");
}

/** Return what is left as (level, number): `late` counts up again. */
export function countdown(seconds) {
  const left = Math.abs(seconds);
  const hours = Math.floor(left / 3_600);
  const minutes = String(Math.floor((left % 3_600) / 60)).padStart(hours ? 2 : 1, "0");
  const number = `${hours ? `${hours}:` : ""}${minutes}:${String(Math.floor(left % 60)).padStart(2, "0")}`;
  if (seconds < 0) return ["late", `−${number}`];
  return [seconds <= URGENT_S ? "urgent" : seconds <= SOON_S ? "soon" : "calm", number];
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Bring every running time below `root` up to date. */
export function tick(root = document) {
  for (const element of root.querySelectorAll("[data-deadline]")) {
    const [level, number] = countdown((Date.parse(element.dataset.deadline) - now()) / 1_000);
    element.dataset.level = level;
    set(element.querySelector("b"), number);
    set(element.querySelector("span"), words(level === "late" ? "overdue" : "left"));
  }
  for (const element of root.querySelectorAll("[data-ago]")) {
    set(element, `· ${ago((now() - Date.parse(element.dataset.ago)) / 1_000)}`);
  }
}

export function startClock() {
  tick();
  setInterval(tick, 1_000, document);
}
