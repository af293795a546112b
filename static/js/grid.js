// The grid of the office: the address holds the view, the rows come as they are scrolled to, and a change touches its row alone.

import { Batches } from "./batches.js";
import { MOST, moveAll } from "./bulk.js";
import { fillRow, makeRow, say, urlOf } from "./cells.js";
import { startClock, tick } from "./clock.js";
import { showState } from "./connection.js";
import { announce, calmMoment, locale, page, released, SessionEnded, showEnded, toast, words } from "./dom.js";
import { Feed } from "./live.js";
import { OrdersTable } from "./orders_table.js";
import { VirtualRows } from "./virtual.js";

const FILTERS = ["company", "search", "status", "provider", "branch", "since", "until", "needsAttention"];
const COUNTED = 50_000;
const RETRY_MS = 5_000;
const USUAL_SORT = "-received";
const FALLS_FIRST = new Set(["received", "changed", "total", "items"]);

const grid = document.getElementById("grid");
const filter = document.getElementById("filter");
const header = grid.querySelector(".grid-header");
const heads = [...header.querySelectorAll("[data-column]")];
const chooseAll = document.getElementById("choose-all");
const showNew = document.getElementById("show-new");
const bulk = document.getElementById("bulk");
const boxes = [...document.querySelectorAll("[data-show]")];

const known = heads.map((head) => head.dataset.column);
const usual = heads.filter((head) => "usual" in head.dataset).map((head) => head.dataset.column);
const asked = new URLSearchParams(location.search);
const chosen = new Set();
const created = new Set();
const unseen = new Set();
let columns = (asked.get("columns") ?? "").split(",").filter((name) => known.includes(name));
if (!columns.length) columns = usual;
let sort = asked.get("sort") ?? USUAL_SORT;
if (!heads.some((head) => [head.dataset.sort, `-${head.dataset.sort}`].includes(sort))) sort = USUAL_SORT;
let active = null;
let lastChosen = null;
let retry = 0;

// -- the view, and its address -----------------------------------------------------------------------------------------

function filterQuery() {
  const params = new URLSearchParams();
  const form = new FormData(filter);
  for (const name of FILTERS) for (const value of form.getAll(name)) if (value) params.append(name, value);
  return params;
}

function rowsQuery() {
  const params = filterQuery();
  params.set("sort", sort);
  return params;
}

function viewQuery() {
  const params = filterQuery();
  if (sort !== USUAL_SORT) params.set("sort", sort);
  if (columns.join() !== usual.join()) params.set("columns", columns.join());
  return params;
}

const sameView = (query) => {
  const plain = (params) => [...params].map((pair) => pair.join("=")).sort().join("&");
  return plain(new URLSearchParams(query)) === plain(viewQuery());
};

function showView() {
  document.getElementById("export").href = `${page.exportUrl}?${filterQuery()}`;
  for (const link of filter.querySelectorAll("[data-view]")) {
    if (sameView(link.search)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  for (const told of filter.querySelectorAll("[data-chosen]")) {
    const form = new FormData(filter);
    const count = told.dataset.chosen.split(" ").reduce((sum, name) => sum + form.getAll(name).filter(Boolean).length, 0);
    told.textContent = count || "";
  }
  for (const head of heads) {
    head.hidden = !columns.includes(head.dataset.column);
    if (!head.dataset.sort) continue;
    head.ariaSort = head.dataset.sort === sort ? "ascending" : `-${head.dataset.sort}` === sort ? "descending" : "none";
  }
  for (const box of boxes) box.checked = columns.includes(box.dataset.show);
  const shown = heads.filter((head) => !head.hidden);
  // The last shown column takes what is left over, so that header and rows are of one width.
  const widths = shown.map((head) => `${head.dataset.width}rem`);
  grid.style.setProperty("--columns", `3rem ${widths.slice(0, -1).join(" ")} minmax(${widths.at(-1)}, 1fr)`);
  grid.style.setProperty("--least", `${3 + shown.reduce((sum, head) => sum + Number(head.dataset.width), 0)}rem`);
}

async function changeView() {
  showView();
  const query = viewQuery().toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
  grid.scrollTop = 0;
  await load();
}

async function load() {
  clearTimeout(retry);
  await batches.reload().catch((error) => {
    failed(error);
    if (!(error instanceof SessionEnded)) retry = setTimeout(load, RETRY_MS);
  });
}

// -- rows --------------------------------------------------------------------------------------------------------------

const table = new OrdersTable({ query: rowsQuery, changed: () => sized(), failed });
const list = new VirtualRows({
  view: grid,
  space: document.getElementById("space"),
  frame: document.getElementById("window"),
  height: () => 2.75 * parseFloat(getComputedStyle(document.documentElement).fontSize),
  key: (index) => table.rows[index]?.id ?? `#${index}`,
  make: () => makeRow(columns),
  fill(element, index) {
    const row = table.rows[index];
    fillRow(element, row, columns, { chosen: Boolean(row) && chosen.has(row.id), active: Boolean(row) && row.id === active });
    if (row?.acceptBy && row.status === "received") tick(element);
  },
  seen: (end) => { table.want(end); },
});

function sized() {
  list.count = table.count;
  list.drawSoon();
  const count = table.count;
  const number = Math.min(count, COUNTED).toLocaleString(locale);
  document.getElementById("count").textContent = say(count >= COUNTED && !table.isWhole ? "many" : "all", { number });
  grid.setAttribute("aria-rowcount", String(count + 1));
  document.getElementById("empty").hidden = count > 0;
}

const refill = (id) => list.refill(id, table.rows.indexOf(table.byId.get(id)));

async function all() {
  grid.setAttribute("aria-busy", "true");
  try {
    const put = await table.first();
    return () => {
      const seq = put();
      unseen.clear();
      for (const id of [...chosen]) if (!table.byId.has(id)) chosen.delete(id);
      if (!table.byId.has(active)) active = null;
      list.clear();
      list.draw();
      showChosen();
      showUnseen();
      return seq;
    };
  } finally {
    grid.setAttribute("aria-busy", "false");
  }
}

async function some(ids, isOwn) {
  const fresh = await table.some(ids);
  await (isOwn ? released() : calmMoment(grid));
  return () => {
    let moved = false;
    for (const id of ids) {
      const order = fresh.get(id);
      const isHere = table.byId.has(id);
      if (order && isHere) {
        if (table.update(order)) refill(id);
      } else if (order) moved = arrive(order) || moved;
      else if (isHere) {
        hold(table.remove(id), -1);
        chosen.delete(id);
        moved = true;
      } else unseen.delete(id);
    }
    if (moved) {
      sized();
      list.draw();
    }
    showChosen();
    showUnseen();
  };
}

/** Show an order that has come into the view; one that only the server can place is counted, to be shown when asked for. */
function arrive(order) {
  const isNew = created.delete(order.id);
  if (sort !== USUAL_SORT) {
    if (isNew || table.isWhole) unseen.add(order.id);
    return false;
  }
  const place = table.insert(order);
  if (place >= 0) hold(place, 1);
  return place >= 0;
}

/** Keep what a person looks at where it is when a row comes or goes above it. */
function hold(place, rows) {
  if (grid.scrollTop > 0 && (place + 1) * list.height() <= grid.scrollTop) grid.scrollTop += rows * list.height();
}

function showUnseen() {
  showNew.hidden = !unseen.size;
  showNew.textContent = say("newOrders", { number: unseen.size });
}
showNew.addEventListener("click", changeView);

// -- choosing ----------------------------------------------------------------------------------------------------------

function choose(ids, on) {
  for (const id of ids) {
    if (!on) chosen.delete(id);
    else if (chosen.size < MOST) chosen.add(id);
    refill(id);
  }
  showChosen();
}

function showChosen() {
  bulk.hidden = !chosen.size;
  document.getElementById("chosen").textContent = say(chosen.size < MOST ? "chosen" : "chosenMost", { number: chosen.size });
  chooseAll.checked = chosen.size > 0;
  chooseAll.indeterminate = chosen.size > 0 && chosen.size < table.rows.length;
}

const chooseNone = () => choose([...chosen], false);
const chooseLoaded = () => choose(table.rows.slice(0, MOST).map((row) => row.id), true);
chooseAll.addEventListener("change", () => (chooseAll.checked ? chooseLoaded() : chooseNone()));
document.getElementById("bulk-none").addEventListener("click", () => { chooseNone(); grid.focus(); });

document.getElementById("window").addEventListener("click", (event) => {
  const id = event.target.closest("[data-order]")?.dataset.order;
  if (!id || event.target.closest("a")) return;
  activate(id);
  if (event.target.closest(".c-choose")) {
    const [from, to] = [lastChosen, id].map((each) => table.rows.indexOf(table.byId.get(each)));
    const range = event.shiftKey && from >= 0 ? table.rows.slice(Math.min(from, to), Math.max(from, to) + 1).map((row) => row.id) : [id];
    choose(range, !chosen.has(id));
    refill(id);
    lastChosen = id;
  }
  grid.focus({ preventScroll: true });
});

document.getElementById("bulk-go").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const rows = [...chosen].map((id) => table.byId.get(id)).filter(Boolean);
  button.disabled = true;
  try {
    const done = await moveAll(rows, document.getElementById("bulk-status").value, (count, of) => {
      document.getElementById("chosen").textContent = say("working", { done: count, of });
    });
    choose(done.filter((each) => !each.fault).map((each) => each.row.id), false);
    batches.add(done.map((each) => each.row.id));
    announce(document.getElementById("bulk-title").textContent);
  } finally {
    button.disabled = false;
    showChosen();
  }
});

// -- keys --------------------------------------------------------------------------------------------------------------

function activate(id) {
  const before = active;
  active = id;
  if (before && table.byId.has(before)) refill(before);
  refill(id);
  grid.setAttribute("aria-activedescendant", `order-${id}`);
}

function go(place) {
  const index = Math.max(0, Math.min(table.rows.length - 1, place));
  const row = table.rows[index];
  if (!row) return;
  list.show(index, header.offsetHeight);
  activate(row.id);
}

const pageful = () => Math.max(1, Math.floor((grid.clientHeight - header.offsetHeight) / list.height()) - 1);
const KEYS = {
  ArrowDown: (at) => go(at + 1),
  ArrowUp: (at) => go(at < 0 ? 0 : at - 1),
  PageDown: (at) => go(at + pageful()),
  PageUp: (at) => go(at - pageful()),
  Home: () => go(0),
  End: async () => {
    grid.scrollTop = grid.scrollHeight;
    await table.want(table.count);
    go(table.rows.length - 1);
  },
  " ": () => { if (active) choose([active], !chosen.has(active)); },
  Enter: () => { if (table.byId.has(active)) location.assign(urlOf(table.byId.get(active))); },
  Escape: chooseNone,
};

grid.addEventListener("keydown", (event) => {
  if (event.target !== grid || event.altKey) return;
  if (event.ctrlKey || event.metaKey) {
    if (event.key !== "a") return;
    event.preventDefault();
    chooseLoaded();
  } else if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key](table.rows.indexOf(table.byId.get(active)));
  }
});

// -- filter, order, columns --------------------------------------------------------------------------------------------

let typing = 0;
filter.addEventListener("submit", (event) => { event.preventDefault(); changeView(); });
filter.addEventListener("change", (event) => { if (!("show" in event.target.dataset)) changeView(); });
filter.addEventListener("input", (event) => {
  if (event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(changeView, 300);
});

document.getElementById("more-filters").addEventListener("click", (event) => {
  event.currentTarget.ariaExpanded = String(event.currentTarget.ariaExpanded !== "true");
});

header.addEventListener("click", (event) => {
  const name = event.target.closest("button") && event.target.closest("[data-sort]")?.dataset.sort;
  if (!name) return;
  if (sort.replace("-", "") === name) sort = sort === name ? `-${name}` : name;
  else sort = FALLS_FIRST.has(name) ? `-${name}` : name;
  changeView();
});

for (const box of boxes) {
  box.addEventListener("change", () => {
    columns = known.filter((name) => name === "number" || boxes.find((each) => each.dataset.show === name)?.checked);
    showView();
    const query = viewQuery().toString();
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
    list.clear();
    list.draw();
  });
}

document.getElementById("copy-view").addEventListener("click", async (event) => {
  const { done, byHand } = event.currentTarget.dataset;
  // Without a secure origin there is no clipboard.
  const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  toast(copied ? done : byHand, 5_000);
});

// -- start -------------------------------------------------------------------------------------------------------------

function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(words("loadFailed"), 4_000);
}

const batches = new Batches({ some, all, failed });
const feed = new Feed({
  changes(frames) {
    for (const frame of frames) if (frame.type === "order_created") created.add(frame.orderId);
    batches.add(frames.map((frame) => frame.orderId));
  },
  reload: () => batches.reload(),
  state: showState,
  ended: showEnded,
});
showView();
startClock();
load().finally(() => feed.start());
