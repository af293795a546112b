// The grid of the office: the address holds the view, the rows come as they are scrolled to, and a change touches its row alone.

import { Batches, failed } from "./batches.js";
import { MOST, moveAll } from "./bulk.js";
import { fillRow, makeRow, say, urlOf } from "./cells.js";
import { startClock, tick } from "./clock.js";
import { showState } from "./connection.js";
import { announce, calmMoment, locale, page, released, SessionEnded, showEnded, words } from "./dom.js";
import { rowsQuery, showView, startView, USUAL_SORT, view } from "./grid_view.js";
import { Feed } from "./live.js";
import { OrdersTable } from "./orders_table.js";
import { VirtualRows } from "./virtual.js";

const COUNTED = 50_000;
const RETRY_MS = 5_000;

const grid = document.getElementById("grid");
const header = grid.querySelector(".grid-header");
const chooseAll = document.getElementById("choose-all");
const showNew = document.getElementById("show-new");
const bulk = document.getElementById("bulk");

const chosen = new Set();
const created = new Set();
const unseen = new Set();
let active = null;
let lastChosen = null;
let retry = 0;

// -- other rows --------------------------------------------------------------------------------------------------------

async function changeView() {
  showView();
  grid.scrollTop = 0;
  await load();
}

function drawColumns() {
  showView();
  list.clear();
  list.draw();
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
  make: () => makeRow(view.columns),
  fill(element, index) {
    const row = table.rows[index];
    fillRow(element, row, view.columns, { chosen: Boolean(row) && chosen.has(row.id), active: Boolean(row) && row.id === active });
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
  if (view.sort !== USUAL_SORT) {
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

// -- start -------------------------------------------------------------------------------------------------------------

const batches = new Batches({ some, all, seq: Number(page.seq) });
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
startView({ filtered: changeView, drawn: drawColumns });
startClock();
load().finally(() => feed.start());
