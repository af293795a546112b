// A page of parts: each is drawn anew by the server when something happens to it, and forms are sent without leaving.

import { startClock, tick } from "./clock.js";
import { showState } from "./connection.js";
import { announce, calmMoment, getPage, postForm, Refused, replaceKeeping, SessionEnded, showEnded, toast, words } from "./dom.js";
import { Feed } from "./live.js";

const PAUSE_MS = 1_000;
const POLL_MS = 15_000;
let due = 0;
let drawing = null;
let again = false;
let isOwn = false;

/** Draw the page's parts anew, soon: a rush of frames is one drawing. */
export function drawSoon() {
  due ||= setTimeout(() => { due = 0; draw().catch(failed); }, PAUSE_MS);
}

/**
 * Draw the page's parts anew; return the number up to which they are complete. Asked for twice, it runs once more. A person's
 * own act is shown at once; what others do must not move anything away below a finger.
 */
export function draw({ own = false } = {}) {
  isOwn ||= own;
  if (drawing) again = true;
  else drawing = work().finally(() => { drawing = null; });
  return drawing;
}

async function work() {
  const main = document.getElementById("main");
  let seq = 0;
  do {
    again = false;
    const fresh = await getPage(location.href);
    await calmMoment(main, () => isOwn);
    isOwn = false;
    seq = Number(fresh.getElementById("main").dataset.seq);
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (old && old.outerHTML !== part.outerHTML) replaceKeeping(old, part);
    }
    tick();
    dispatchEvent(new Event("drawn"));
  } while (again);
  return seq;
}

export function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(error instanceof Refused ? error.message : words("pageFailed"), 6_000);
}

/**
 * Follow the company's frames: the page is drawn anew for each without a number that `concerns` it, and when the line has been
 * away, where it `isLive`. While the line is away the page is drawn anew every now and then. `changes(frames)` gets the events
 * of the orders, for a page that shows them.
 */
export function follow(concerns, isLive = () => true, changes = () => {}) {
  let isAway = false;
  const state = (name, since) => {
    showState(name, since);
    if (name === "live" && isAway && isLive()) drawSoon();
    if (name !== "catching") isAway = name !== "live";
  };
  const frame = (message) => { if (concerns(message)) drawSoon(); };
  startClock();
  setInterval(() => { if (isAway && isLive() && !document.hidden) drawSoon(); }, POLL_MS);
  new Feed({ changes, reload: draw, frame, state, ended: showEnded }).start();
}

/** Send the forms marked `data-inplace` below the page without leaving it; each once at a time. */
export function sendForms() {
  document.getElementById("main").addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-inplace]");
    if (!form) return;
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    const busy = (on) => buttons.forEach((button) => { button.disabled = on; button.setAttribute("aria-busy", on); });
    const answer = postForm(form, event.submitter);
    busy(true);
    try {
      announce((await answer).message);
      // What was typed has been sent: it is not to be kept.
      form.reset();
      await draw({ own: true });
    } catch (error) {
      if (error instanceof Refused || error instanceof SessionEnded) failed(error);
      else toast(words("failed"));
      if (error instanceof Refused) await draw({ own: true }).catch(failed);
    } finally {
      busy(false);
      if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
    }
  });
}
