// The board: the server draws the cards; this puts each where it belongs, and keeps a cancelled one until somebody saw it.

import { welcome } from "./arrivals.js";
import { failed } from "./batches.js";
import { now, tick } from "./clock.js";
import { announce, calmMoment, page, released, replaceKeeping, words } from "./dom.js";
import { asking, created, filter, followOrders } from "./following.js";

const WAKE_EVERY_MS = 20_000;
const REFUSED = new Set(["cancelled", "rejected", "failed"]);
const SHOWN_FILTERS = ["company", "branch", "provider"];
const STEPS = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };

const board = document.getElementById("board");
const wall = document.getElementById("wall");
const said = document.getElementById("board-words").dataset;
const cardOf = (id) => document.getElementById(`order-${id}`);
const lists = () => [...board.querySelectorAll(".cards")];

const ended = new Map();

// -- what is asked for -------------------------------------------------------------------------------------------------

const { query, fetchPart: fetchColumns } = asking("cards", page.cardsUrl, SHOWN_FILTERS);

async function all() {
  board.setAttribute("aria-busy", "true");
  try {
    const fresh = await fetchColumns();
    return (covered) => {
      const off = [...board.querySelectorAll(".is-off")];
      const scrolled = new Map(lists().map((list) => [list.id, list.scrollTop]));
      const columns = document.getElementById("columns");
      const left = columns.scrollLeft;
      replaceKeeping(columns, fresh.getElementById("columns"));
      document.getElementById("columns").scrollLeft = left;
      for (const list of lists()) list.scrollTop = scrolled.get(list.id);
      off.filter((card) => !cardOf(card.dataset.order)).forEach(place);
      showCounts(board);
      welcome(covered.filter((id) => created.delete(id)).map(cardOf).filter(Boolean));
      tick(board);
      return Number(document.getElementById("columns").dataset.seq);
    };
  } finally {
    board.removeAttribute("aria-busy");
  }
}

async function some(ids, isOwn) {
  const fresh = await fetchColumns({ id: ids });
  // A person's own step is shown at once; what others do must not move a card away below a finger.
  await (isOwn ? released() : calmMoment(board));
  return () => {
    const arrived = [];
    for (const id of ids) {
      const card = fresh.getElementById(`order-${id}`);
      const old = cardOf(id);
      if (!card) leave(old, isOwn ? "" : ended.get(id));
      else if (!old) {
        place(card);
        if (created.has(id)) arrived.push(card);
      } else if (Number(card.dataset.seq) > Number(old.dataset.seq) || card.dataset.rank !== old.dataset.rank) replace(old, card, isOwn);
      created.delete(id);
      ended.delete(id);
    }
    showCounts(fresh);
    tick(board);
    welcome(arrived);
    if (lists().some((list) => list.dataset.hidden !== "0" || list.children.length > Number(page.most))) fill();
  };
}

// -- where a card stands -----------------------------------------------------------------------------------------------

function place(card) {
  const list = document.getElementById(`column-${card.dataset.status}`);
  list.insertBefore(card, [...list.children].find((each) => each.dataset.rank > card.dataset.rank) ?? null);
}

function replace(old, card, isOwn) {
  const moved = card.dataset.status !== old.dataset.status;
  if (!moved && card.dataset.rank === old.dataset.rank) {
    replaceKeeping(old, card);
    return;
  }
  const focused = old.contains(document.activeElement);
  old.remove();
  place(card);
  if (!moved) return;
  card.classList.add("has-moved");
  if (isOwn) announce(words("moved", { order: card.dataset.label, status: titleOf(card.dataset.status) }));
  if (focused) {
    aim(card).focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

const titleOf = (status) => document.querySelector(`#column-title-${status} .status`).textContent;

/** Take a card off. One that the kitchen had begun stays until somebody has seen that it is cancelled. */
function leave(card, status) {
  if (!card) return;
  if (!REFUSED.has(status) || card.dataset.status === "received") {
    card.remove();
    return;
  }
  if (card.classList.contains("is-off")) return;
  card.classList.add("is-off");
  card.querySelector(".steps").remove();
  const band = document.getElementById("off").content.firstElementChild.cloneNode(true);
  band.querySelector("b").textContent = said[status];
  band.querySelector("button").textContent = said.away;
  card.prepend(band);
  announce(`${card.dataset.label}: ${said[status]}`);
}

board.addEventListener("click", (event) => {
  if (event.target.closest("[data-away]")) event.target.closest(".card-order").remove();
});

function showCounts(source) {
  for (const told of source.querySelectorAll("#columns .count")) {
    for (const each of document.querySelectorAll(`.count[data-count="${told.dataset.count}"]`)) each.textContent = told.textContent;
  }
}

let filling = 0;
/** More orders than a column has room for: which are the most urgent is the server's to say, a little later. */
function fill() {
  filling ||= setTimeout(() => { filling = 0; batches.reload().catch(failed); }, 2_000);
}

// -- keys --------------------------------------------------------------------------------------------------------------

const aim = (card) => card.querySelector(".steps .primary, [data-away]") ?? card.querySelector(".number");

function neighbour(card, [across, down]) {
  const list = card.parentElement;
  const place = [...list.children].indexOf(card);
  if (down) return list.children[place + down];
  const filled = lists().filter((each) => each.children.length);
  const side = document.documentElement.dir === "rtl" ? -across : across;
  const next = filled[filled.indexOf(list) + side];
  return next?.children[Math.min(place, next.children.length - 1)];
}

board.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const card = event.target.closest(".card-order");
  if (!step || !card || event.altKey || event.ctrlKey || event.metaKey || event.target.closest(".menu-list")) return;
  event.preventDefault();
  const next = neighbour(card, step);
  if (!next) return;
  aim(next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
});

// -- start -------------------------------------------------------------------------------------------------------------

function heard(frames) {
  for (const frame of frames) if (REFUSED.has(frame.status)) ended.set(frame.orderId, frame.status);
}

filter.addEventListener("change", () => {
  const isWall = document.body.classList.contains("is-wall");
  history.replaceState(null, "", `?${query(isWall ? { wall: "1" } : {})}`);
  wall.search = query(isWall ? {} : { wall: "1" });
  batches.reload().catch(failed);
});

// What was ordered ahead becomes due by itself.
setInterval(() => {
  const woken = [...board.querySelectorAll("[data-wakes]")].filter((card) => Date.parse(card.dataset.wakes) <= now());
  batches.add(woken.map((card) => card.dataset.order));
}, WAKE_EVERY_MS);

const batches = followOrders(board, { some, all, heard });
