// What the pages that show many orders have in common: their filter, what has just come, and how they follow the company.

import { Batches } from "./batches.js";
import { startClock } from "./clock.js";
import { showState } from "./connection.js";
import { getPage, page, showEnded } from "./dom.js";
import { queryOf } from "./filter.js";
import { Feed } from "./live.js";
import { startSteps } from "./steps.js";

/** The ids of orders that have come and are not drawn yet. */
export const created = new Set();

export const filter = document.getElementById("filter");

/** Return what asks for the orders that the filter shows: as a query, and as the part of a page at `url`. */
export function asking(url, names) {
  const query = (more) => queryOf(filter, names, more);
  return { query, fetchPart: (more) => getPage(`${url}?${query(more)}`) };
}

/**
 * Follow the company's orders, and answer clicks on their steps below `root`. `some` and `all` draw, as `Batches` calls them;
 * `heard(frames)` is told what has happened. Return the batches.
 */
export function followOrders(root, { some, all, gathers, heard }) {
  const batches = new Batches({ some, all, seq: Number(page.seq), gathers });
  const changes = (frames) => {
    for (const frame of frames) if (frame.type === "order_created") created.add(frame.orderId);
    batches.add(frames.map((frame) => frame.orderId));
    heard(frames);
  };
  startClock();
  startSteps(root, (order) => batches.draw([order], true));
  new Feed({ changes, reload: () => batches.reload(), state: showState, ended: showEnded }).start();
  return batches;
}
