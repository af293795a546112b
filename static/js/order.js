// One order: its parts are drawn anew when something happens to it.

import { announce, page, SessionEnded, showEnded, words } from "./dom.js";
import { draw, failed, follow, sendForms } from "./parts.js";
import { startSteps } from "./steps.js";

/** While a provider is still being told something, look again when it may be done: nothing announces that. */
let timer = 0;
function lookAgain() {
  clearTimeout(timer);
  const seconds = Number(document.getElementById("part-timeline").dataset.lookAgain);
  const missed = (error) => (error instanceof SessionEnded ? showEnded() : lookAgain());
  if (seconds) timer = setTimeout(() => draw().catch(missed), seconds * 1_000);
}

async function changes(frames) {
  if (!frames.some((frame) => frame.orderId === page.order)) return;
  try {
    await draw();
    const status = document.querySelector("#part-head .status").textContent;
    announce(words("moved", { order: page.label, status }));
  } catch (error) {
    failed(error);
  }
}

addEventListener("drawn", lookAgain);
lookAgain();
sendForms();
startSteps(document.getElementById("main"), () => draw({ own: true }));
follow((frame) => frame.type === "webhook_event" && frame.externalOrderId === page.externalId, undefined, changes);
