// The sign that says whether the page can be believed: live, catching up, updated every few seconds, or not live since when.

import { page, words } from "./dom.js";

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: page.timeZone });

export function showState(state, since) {
  const sign = document.getElementById("connection");
  sign.dataset.state = state;
  sign.querySelector(".text").textContent = words(state, { time: clock.format(since || Date.now()) });
}
