// The order stream: rows come from the server as it draws them; this puts them where they belong.

import { welcome } from "./arrivals.js";
import { failed } from "./batches.js";
import { tick } from "./clock.js";
import { calmMoment, page, released, replaceKeeping, words } from "./dom.js";
import { asking, created, filter, followOrders } from "./following.js";

const MOST_ROWS = 300;
// Each screen asks at a moment of its own: one has the figures counted, and the others find them.
const SPREAD_MS = 500;
const PAUSES_MS = [Math.random() * SPREAD_MS, 1_000, 1_500, 2_000];
const SHOWN_FILTERS = ["status", "provider", "search", "company"];

const list = document.getElementById("list");
const toTop = document.getElementById("to-top");
const rows = () => document.getElementById("rows");
const rowOf = (id) => document.getElementById(`order-${id}`);

let above = 0;

// -- what is asked for -------------------------------------------------------------------------------------------------

const { query, fetchPart: fetchRows } = asking("rows", page.rowsUrl, SHOWN_FILTERS);

/** Fetch the newest rows anew. */
async function all() {
  rows().setAttribute("aria-busy", "true");
  try {
    const fresh = await fetchRows();
    return (covered) => {
      list.replaceChildren(...fresh.body.childNodes);
      greet(covered.filter((id) => created.delete(id)).map(rowOf).filter(Boolean));
      showCounts(rows());
      tick(list);
      const seq = Number(rows().dataset.seq);
      tellHead(seq);
      return seq;
    };
  } finally {
    rows().removeAttribute("aria-busy");
  }
}

/** Fetch some orders as they are now, to put each in its place; what no longer matches the filter goes. */
async function some(ids, isOwn) {
  const fresh = await fetchRows({ id: ids });
  // A person's own step is shown at once; what others do must not move a row away below a finger.
  await (isOwn ? released() : calmMoment(list));
  return () => {
    const arrived = [];
    for (const id of ids) {
      const now = fresh.getElementById(`order-${id}`);
      const old = rowOf(id);
      if (!now) old?.remove();
      else if (!old) { if (insert(now) && created.has(id)) arrived.push(now); }
      else if (Number(now.dataset.seq) > Number(old.dataset.seq)) {
        const moved = now.dataset.status !== old.dataset.status;
        replaceKeeping(old, now);
        if (moved) now.classList.add("has-moved");
      }
      created.delete(id);
    }
    showCounts(fresh.getElementById("rows"));
    document.getElementById("empty").hidden = rows().children.length > 0;
    tick(rows());
    greet(arrived);
  };
}

// -- what has changed --------------------------------------------------------------------------------------------------

/** Tell the panels up to which number the orders have come. */
function tellHead(seq) {
  dispatchEvent(new CustomEvent("head", { detail: seq }));
}

const stamp = (row) => row.dataset.cursor.split(".")[0].padStart(17, "0") + row.dataset.cursor;

/** Put a row where its time says; return false for one that is older than everything loaded. */
function insert(row) {
  const next = [...rows().children].find((each) => stamp(each) < stamp(row));
  if (!next && rows().dataset.older) return false;
  rows().insertBefore(row, next ?? null);
  while (rows().children.length > MOST_ROWS) {
    rows().lastElementChild.remove();
    rows().dataset.older = rows().lastElementChild.dataset.cursor;
    showOlder();
  }
  return true;
}

function showCounts(source) {
  for (const element of filter.querySelectorAll("[data-count]")) {
    const count = source.getAttribute(`data-count-${element.dataset.count}`);
    element.textContent = Number(count) ? count : "";
  }
}

// -- new orders --------------------------------------------------------------------------------------------------------

function greet(arrived) {
  welcome(arrived);
  if (arrived.length && scrollY > 200) above += arrived.length;
  showAbove();
}

function showAbove() {
  toTop.hidden = !above;
  toTop.querySelector("[data-text]").textContent = words("newOrders", { count: above });
}

addEventListener("scroll", () => {
  if (scrollY <= 200) above = 0;
  showAbove();
}, { passive: true });
toTop.addEventListener("click", () => scrollTo({ top: 0 }));

// -- filter and older orders -------------------------------------------------------------------------------------------

let typing = 0;
async function applyFilter() {
  history.replaceState(null, "", `?${query()}`);
  await batches.reload().catch(failed);
}
filter.addEventListener("submit", (event) => { event.preventDefault(); applyFilter(); });
filter.addEventListener("change", applyFilter);
filter.addEventListener("input", (event) => {
  if (event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(applyFilter, 300);
});

function showOlder() {
  const link = document.getElementById("older");
  link.hidden = !rows().dataset.older;
  link.href = `?${query({ before: rows().dataset.older })}`;
}

list.addEventListener("click", async (event) => {
  if (event.target.id !== "older") return;
  event.preventDefault();
  event.target.setAttribute("aria-busy", "true");
  try {
    const mine = batches.generation;
    const fresh = await fetchRows({ before: rows().dataset.older });
    if (mine !== batches.generation) return;
    const next = fresh.getElementById("rows");
    const added = [...next.children].filter((row) => !rowOf(row.dataset.order));
    rows().append(...added);
    rows().dataset.older = next.dataset.older;
    showOlder();
    tick(rows());
    added[0]?.querySelector("a")?.focus({ preventScroll: true });
  } catch (error) {
    failed(error);
  } finally {
    event.target.removeAttribute("aria-busy");
  }
});

// -- start -------------------------------------------------------------------------------------------------------------

const heard = (frames) => tellHead(frames.at(-1).seq);
const batches = followOrders(list, { some, all, pausesMs: page.shares === "no" ? null : PAUSES_MS, heard });
showCounts(rows());
addEventListener("gathering", (event) => { if (event.detail !== "rows") batches.hurry(); });
