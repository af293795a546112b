// The order stream: rows come from the server as it draws them; this puts them where they belong.

import { tick, startClock } from "./clock.js";
import { showState } from "./connection.js";
import { announce, calmMoment, getPage, page, released, replaceKeeping, SessionEnded, showEnded, toast, words } from "./dom.js";
import { Feed } from "./live.js";
import { startSteps } from "./steps.js";

const MOST_ROWS = 300;
const BATCH = 50;
const PAUSE_MS = page.shares === "no" ? 0 : 800;
const FAILED_PAUSE_MS = 5_000;
const FRESH_MS = 8_000;
const SHOWN_FILTERS = ["status", "provider", "search", "company"];

const filter = document.getElementById("filter");
const list = document.getElementById("list");
const toTop = document.getElementById("to-top");
const rows = () => document.getElementById("rows");
const rowOf = (id) => document.getElementById(`order-${id}`);

const waiting = new Set();
const created = new Set();
let above = 0;
let flushing = null;
let generation = 0;

// -- what is asked for -------------------------------------------------------------------------------------------------

function query(more = {}) {
  const params = new URLSearchParams();
  const form = new FormData(filter);
  for (const name of SHOWN_FILTERS) if (form.get(name)) params.set(name, form.get(name));
  for (const [name, value] of Object.entries(more)) for (const each of [value].flat()) params.append(name, each);
  return params.toString();
}

const fetchRows = (more) => getPage(`${page.rowsUrl}?${query(more)}`);

/** Fetch the newest rows anew; return the number up to which they are complete. */
async function reload() {
  generation += 1;
  const mine = generation;
  const covered = takeWaiting([...waiting]);
  rows().setAttribute("aria-busy", "true");
  try {
    const fresh = await fetchRows();
    if (mine !== generation) return Number(rows().dataset.seq);
    list.replaceChildren(...fresh.body.childNodes);
    welcome(covered.filter((id) => created.delete(id)).map(rowOf).filter(Boolean));
    showCounts(rows());
    tick(list);
    tellHead(Number(rows().dataset.seq));
    return Number(rows().dataset.seq);
  } catch (error) {
    if (!(error instanceof SessionEnded)) giveBack(covered);
    throw error;
  } finally {
    rows().removeAttribute("aria-busy");
  }
}

// -- what has changed --------------------------------------------------------------------------------------------------

function changes(frames) {
  for (const frame of frames) {
    waiting.add(frame.orderId);
    if (frame.type === "order_created") created.add(frame.orderId);
  }
  tellHead(frames.at(-1).seq);
  schedule();
}

/** Tell the panels up to which number the orders have come. */
function tellHead(seq) {
  dispatchEvent(new CustomEvent("head", { detail: seq }));
}

/** Draw the first change at once, and a rush of them in batches: the screen stays calm, and the server too. */
function schedule() {
  flushing ??= run().finally(() => {
    flushing = null;
    if (waiting.size) schedule();
  });
}

/** Take orders off the list before they are asked for: what happens to them from then on puts them on it again. */
function takeWaiting(ids) {
  for (const id of ids) waiting.delete(id);
  return ids;
}

function giveBack(ids) {
  for (const id of ids) waiting.add(id);
  schedule();
}

async function run() {
  let pauseMs = PAUSE_MS;
  try {
    await flush();
  } catch (error) {
    failed(error);
    pauseMs = FAILED_PAUSE_MS;
  }
  await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
}

function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(words("loadFailed"), 4_000);
}

async function flush() {
  if (waiting.size > 4 * BATCH) {
    await reload();
    return;
  }
  const ids = [...waiting].slice(0, BATCH);
  if (ids.length) await draw(ids);
}

/** Fetch some orders as they are now and put each in its place; what no longer matches the filter goes. */
async function draw(ids, isOwnStep = false) {
  const mine = generation;
  takeWaiting(ids);
  let fresh;
  try {
    fresh = await fetchRows({ id: ids });
  } catch (error) {
    if (!(error instanceof SessionEnded)) giveBack(ids);
    throw error;
  }
  // A person's own step is shown at once; what others do must not move a row away below a finger.
  await (isOwnStep ? released() : calmMoment(list));
  if (mine !== generation) {
    giveBack(ids);
    return;
  }
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
  welcome(arrived);
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

function welcome(arrived) {
  if (!arrived.length) return;
  for (const row of arrived) {
    row.classList.add("is-fresh");
    setTimeout(() => row.classList.remove("is-fresh"), FRESH_MS);
  }
  const labels = arrived.map((row) => row.dataset.label);
  const count = arrived.length;
  announce(count > 3 ? words("newOrders", { count }) : labels.map((order) => words("newOrder", { order })).join(". "));
  if (scrollY > 200) above += count;
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
  await reload().catch(failed);
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
    const mine = generation;
    const fresh = await fetchRows({ before: rows().dataset.older });
    if (mine !== generation) return;
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

showCounts(rows());
startClock();
startSteps(list, (order) => draw([order], true));
new Feed({ changes, reload, state: showState, ended: showEnded }).start();
