// Orders that have just come: marked for a moment, and told to whoever cannot see them.

import { announce, words } from "./dom.js";

const FRESH_MS = 8_000;
const NAMED = 3;

/** Mark the elements of new orders, and announce them: a few by their names, many by their number. */
export function welcome(arrived) {
  if (!arrived.length) return;
  for (const element of arrived) {
    element.classList.add("is-fresh");
    setTimeout(() => element.classList.remove("is-fresh"), FRESH_MS);
  }
  const count = arrived.length;
  const each = () => arrived.map((element) => words("newOrder", { order: element.dataset.label })).join(". ");
  announce(count > NAMED ? words("newOrders", { count }) : each());
}
