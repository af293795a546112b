// Many orders at once: each through the same door as one, so each is allowed or refused for itself, and the answer says which.

import { postJson, Refused, SessionEnded, showEnded, words } from "./dom.js";
import { labelOf, say, urlOf, values } from "./cells.js";
import { refusal } from "./steps.js";

export const MOST = 200;
const AT_ONCE = 4;
const result = document.getElementById("bulk-result");

async function moveOne(row, wanted) {
  const status = wanted || values.steps[row.status];
  if (!status) return { row, fault: say("finished") };
  try {
    await postJson(`/api/orders/${row.id}/status`, { status });
    return { row, status };
  } catch (error) {
    if (error instanceof SessionEnded) throw error;
    return { row, fault: error instanceof Refused ? refusal(error) : words("failed") };
  }
}

/** Move orders to a status, by default each to its next; return what became of each, and show it. */
export async function moveAll(rows, wanted, progress) {
  const left = [...rows];
  const done = [];
  const work = async () => {
    while (left.length) {
      done.push(await moveOne(left.shift(), wanted));
      progress(done.length, rows.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } catch (error) {
    left.length = 0;
    if (!(error instanceof SessionEnded)) throw error;
    showEnded();
  }
  show(done);
  return done;
}

function show(done) {
  const refused = done.filter((each) => each.fault);
  const moved = done.filter((each) => !each.fault);
  document.getElementById("bulk-title").textContent = say("result", { moved: moved.length, refused: refused.length });
  result.querySelector("ul").replaceChildren(...[...refused, ...moved].map(({ row, status, fault }) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    const text = document.createElement("span");
    line.className = fault ? "is-refused" : "is-moved";
    link.href = urlOf(row);
    link.dir = "auto";
    link.textContent = labelOf(row);
    text.textContent = fault ? `✕ ${fault}` : `✓ ${values.statuses[status]}`;
    line.append(link, " ", text);
    return line;
  }));
  result.hidden = false;
  result.focus();
}

document.getElementById("bulk-close").addEventListener("click", () => {
  result.hidden = true;
  document.getElementById("grid").focus();
});
