// What the pages that show many orders have in common: their filter, what has just come, and how they follow the company.

import { Batches } from "./batches.js";
import { startClock } from "./clock.js";
import { showState } from "./connection.js";
import { page, parsePage, showEnded } from "./dom.js";
import { queryOf } from "./filter.js";
import { Feed } from "./live.js";
import { startSteps } from "./steps.js";
import { getTogether } from "./together.js";

/** The ids of orders that have come and are not drawn yet. */
export const created = new Set();

export const filter = document.getElementById("filter");

/** Return what asks for the orders that the filter shows: as a query, and as the piece of the page that `url` has. */
export function asking(piece, url, names) {
  const query = (more) => queryOf(filter, names, more);
  return { query, fetchPart: async (more) => parsePage((await getTogether(piece, `${url}?${query(more)}`)).text) };
}

/**
 * Follow the company's orders, and answer clicks on their steps below `root`. `some` and `all` draw, as `Batches` calls them;
 * and `pausesMs` is theirs; `heard(frames)` is told what has happened. Return the batches.
 */
export function followOrders(root, { some, all, pausesMs, heard }) {
  const batches = new Batches({ some, all, seq: Number(page.seq), pausesMs });
  const changes = (frames) => {
    for (const frame of frames) if (frame.type === "order_created") created.add(frame.orderId);
    // Told first: what else it makes somebody want goes with what is asked for now.
    heard(frames);
    batches.add(frames.map((frame) => frame.orderId));
  };
  startClock();
  startSteps(root, (order) => batches.draw([order], true));
  new Feed({ changes, reload: () => batches.reload(), state: showState, ended: showEnded }).start();
  return batches;
}
