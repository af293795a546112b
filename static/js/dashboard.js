// The panels around the live orders: asked for when something has changed, never more often than every few seconds, and not
// at all while nothing happens.

import { tick } from "./clock.js";
import { calmMoment, page, parsePage, replaceKeeping, SessionEnded, showEnded } from "./dom.js";
import { Revenue } from "./revenue.js";
import { getTogether } from "./together.js";

const SHARES = page.shares !== "no";
const FIRST_MS = SHARES ? 700 : 0;
const PACE_MS = SHARES ? 5_000 : 0;
const QUIET_MS = SHARES ? 30_000 : 0;
// What has been asked for already goes with the next request for the orders; so much later it goes alone.
const PATIENCE_MS = SHARES ? 5_000 : 0;
const RETRY_MS = [5_000, 10_000, 20_000, 60_000];
const SPREAD_MS = 20_000;

const aside = document.getElementById("panels");
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "short", timeZone: page.timeZone });
const shownSeq = () => Number(document.getElementById("part-counters").dataset.seq);

/** Something that is asked for when it is wanted: one at a time, at its own pace, again after a failure, together with others. */
class Asked {
  #due = 0;
  #timer = 0;
  #working = false;
  #missed = false;
  #failures = 0;
  #askedAt = -Infinity;
  #paceMs;
  #ask;

  constructor(ask, paceMs) {
    this.#ask = ask;
    this.#paceMs = paceMs;
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.#missed) this.soon(0); });
    addEventListener("gathering", () => this.#join());
  }

  /** Ask at once, because a person wants it. */
  now() {
    this.#askedAt = -Infinity;
    this.soon(0);
  }

  /** Ask in `afterMs`, or sooner where that is wanted already; while nobody sees the page, when somebody does. */
  soon(afterMs = FIRST_MS) {
    if (document.hidden) {
      this.#missed = true;
      return;
    }
    const now = performance.now();
    const at = Math.max(now + afterMs, this.#askedAt + this.#paceMs + PATIENCE_MS);
    if (this.#timer && this.#due <= at) return;
    clearTimeout(this.#timer);
    this.#due = at;
    this.#timer = setTimeout(() => this.#run(), at - now);
  }

  /** Something else is asked for: what waits goes with it, unless its pace forbids it or it has just failed. */
  #join() {
    if (!this.#timer || this.#working || this.#failures || performance.now() < this.#askedAt + this.#paceMs) return;
    clearTimeout(this.#timer);
    this.#run();
  }

  async #run() {
    this.#timer = 0;
    if (this.#working) {
      this.soon(FIRST_MS || 50);
      return;
    }
    this.#working = true;
    this.#missed = false;
    this.#askedAt = performance.now();
    try {
      await this.#ask();
      this.#failures = 0;
    } catch (error) {
      if (error instanceof SessionEnded) showEnded();
      else this.soon(RETRY_MS[Math.min(this.#failures, RETRY_MS.length - 1)]);
      this.#failures += 1;
    } finally {
      this.#working = false;
    }
  }
}

// -- the panels --------------------------------------------------------------------------------------------------------

let tag = "";
let head = Number(page.seq);
let drawnAt = 0;
let hour = 0;

async function load() {
  try {
    const fresh = await getTogether("panels", page.panelsUrl, tag);
    drawnAt = Date.now();
    if (fresh) {
      await calmMoment(aside);
      draw(parsePage(fresh.text));
      ({ tag } = fresh);
    }
  } catch (error) {
    showFailure();
    throw error;
  }
  document.getElementById("panels-failed").hidden = true;
  // What was counted for others a moment ago may lack what has just come here.
  if (shownSeq() < head || document.querySelector("[data-part] > .is-failed, [data-part] .counter > .is-failed")) panels.soon(PACE_MS);
}

function draw(fresh) {
  const parts = new Map([...fresh.querySelectorAll("[data-part]")].map((part) => [part.id, part]));
  for (const old of document.querySelectorAll("[data-part]")) {
    // Not every part is for everybody.
    if (parts.has(old.id)) replaceKeeping(old, parts.get(old.id));
    else old.remove();
  }
  tick();
  clearTimeout(hour);
  const next = Date.parse(document.getElementById("part-counters").dataset.next) - Date.now();
  hour = setTimeout(() => { panels.soon(); revenue.soon(); }, Math.max(60_000, next) + Math.random() * SPREAD_MS);
}

function showFailure() {
  const box = document.getElementById("panels-failed");
  const { text, since } = box.dataset;
  box.textContent = drawnAt ? `${text} ${since.replace("{time}", clock.format(drawnAt))}` : text;
  box.hidden = false;
  for (const state of document.querySelectorAll("[data-part] [data-loading]")) {
    state.textContent = text;
    state.classList.add("is-failed");
  }
}

const chart = new Revenue(document.getElementById("revenue"), clock);
const panels = new Asked(load, PACE_MS);
const revenue = new Asked(() => chart.load(), QUIET_MS);
chart.wanted = () => revenue.now();

addEventListener("head", (event) => {
  head = Math.max(head, event.detail);
  panels.soon();
  revenue.soon();
});
let greeted = false;
addEventListener("frame", ({ detail: frame }) => {
  if (frame.type === "alert" || frame.type === "integration_status") panels.soon();
  else if (frame.type === "webhook_event") panels.soon(QUIET_MS);
  else if (frame.type === "hello") {
    // Whatever came while the line was away; alerts have no number by which it would be missed.
    if (greeted) panels.soon();
    greeted = true;
  }
});
panels.soon(0);
revenue.soon(0);
