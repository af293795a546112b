// A page of parts: each is drawn anew by the server when something happens to it, and forms are sent without leaving.

import { startClock, tick } from "./clock.js";
import { showState } from "./connection.js";
import { announce, calmMoment, getPage, page, postForm, Refused, replaceKeeping, SessionEnded, showEnded, toast, words } from "./dom.js";
import { Feed } from "./live.js";

const PAUSE_MS = 1_000;
let due = 0;
let drawing = null;
let again = false;

/** Draw the page's parts anew, soon: a rush of frames is one drawing. */
export function drawSoon() {
  due ||= setTimeout(() => { due = 0; draw().catch(failed); }, PAUSE_MS);
}

/** Draw the page's parts anew. Asked for twice, it runs once more. */
export function draw() {
  if (drawing) again = true;
  else drawing = work().finally(() => { drawing = null; });
  return drawing;
}

async function work() {
  const main = document.getElementById("main");
  do {
    again = false;
    const fresh = await getPage(location.href);
    await calmMoment(main);
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (old && old.outerHTML !== part.outerHTML) replaceKeeping(old, part);
    }
    tick();
    dispatchEvent(new Event("drawn"));
  } while (again);
}

export function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(error instanceof Refused ? error.message : words("pageFailed"), 6_000);
}

/**
 * Follow the company's frames: the page is drawn anew for each that `concerns` it, and when the line has been away, where it
 * `isLive`.
 */
export function follow(concerns, isLive = () => true) {
  let wasAway = false;
  const state = (name, since) => {
    showState(name, since);
    if (name === "down") wasAway = true;
    if (name === "live" && wasAway) {
      wasAway = false;
      if (isLive()) drawSoon();
    }
  };
  const frame = (message) => { if (concerns(message)) drawSoon(); };
  startClock();
  // The orders' numbers are not shown here: what is asked for them only tells that the line stands.
  new Feed({ changes: () => {}, reload: async () => Number(page.seq), frame, state, ended: showEnded }).start();
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
      await draw();
    } catch (error) {
      if (error instanceof Refused || error instanceof SessionEnded) failed(error);
      else toast(words("failed"));
      if (error instanceof Refused) await draw().catch(failed);
    } finally {
      busy(false);
      if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
    }
  });
}
