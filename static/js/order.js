// One order: its parts are drawn anew when something happens to it.

import { startClock, tick } from "./clock.js";
import { showState } from "./connection.js";
import { announce, getPage, page, released, replaceKeeping, SessionEnded, showEnded, toast, words } from "./dom.js";
import { Feed } from "./live.js";
import { startSteps } from "./steps.js";

let running = null;
let again = false;

/** Draw the page's parts anew; return the number up to which they are complete. Asked for twice, it runs once more. */
function refresh() {
  if (running) again = true;
  else running = draw().finally(() => { running = null; });
  return running;
}

async function draw() {
  let seq = 0;
  do {
    again = false;
    const fresh = await getPage(location.href);
    await released();
    seq = Number(fresh.getElementById("main").dataset.seq);
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (old) replaceKeeping(old, part);
    }
    tick();
  } while (again);
  lookAgain();
  return seq;
}

/** While a provider is still being told something, look again when it may be done: nothing announces that. */
let timer = 0;
function lookAgain() {
  clearTimeout(timer);
  const seconds = Number(document.getElementById("part-timeline").dataset.lookAgain);
  const missed = (error) => (error instanceof SessionEnded ? showEnded() : lookAgain());
  if (seconds) timer = setTimeout(() => refresh().catch(missed), seconds * 1_000);
}

function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(words("loadFailed"), 4_000);
}

function changes(frames) {
  const mine = frames.filter((frame) => frame.orderId === page.order);
  if (!mine.length) return;
  refresh().then(() => {
    const status = document.querySelector("#part-head .status").textContent;
    announce(words("moved", { order: page.label, status }));
  }).catch(failed);
}

function frame(message) {
  if (message.type === "webhook_event" && message.externalOrderId === page.externalId) refresh().catch(failed);
}

startClock();
lookAgain();
startSteps(document.getElementById("main"), refresh);
new Feed({ changes, frame, reload: refresh, state: showState, ended: showEnded }).start();
