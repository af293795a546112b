// The cells of the grid: how a column of an order is written. Texts of others are set as text, never as markup.

import { page, sentenceOf } from "./dom.js";

const said = document.getElementById("grid-words").dataset;
export const values = JSON.parse(document.getElementById("grid-values").textContent);
export const say = (name, more) => sentenceOf(said, name, more);
export const labelOf = (row) => `${values.providers[row.provider] ?? row.provider} ${row.displayId || row.externalOrderId}`;

const search = page.company && new URLSearchParams(location.search).get("company") ? `?company=${page.company}` : "";
export const urlOf = (row) => `${page.orderUrl}${row.id}/${search}`;

// Swedish writes dates as this program does everywhere: 2026-01-31 14:05.
const moment = new Intl.DateTimeFormat("sv-SE", {
  dateStyle: "short", timeStyle: "short", timeZone: page.timeZone,
});
const time = (text) => (text ? moment.format(Date.parse(text)) : "");

function add(parent, tag, className = "") {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

const KIND_OF = (row) => values.kinds[row.orderType === "delivery" ? row.fulfilledBy : row.orderType] ?? row.orderType;
const TEXTS = {
  customer: (row) => row.customer,
  branch: (row) => row.branch ?? "",
  items: (row) => String(row.itemCount),
  total: (row) => `${row.total} ${row.currency}`,
  payment: (row) => row.paymentMethod,
  kind: KIND_OF,
  courier: (row) => row.courier,
  received: (row) => time(row.receivedAt),
  scheduled: (row) => time(row.scheduledFor),
  changed: (row) => time(row.updatedAt),
};

const SPECIAL = {
  number: {
    make(cell) {
      const link = add(cell, "a", "number");
      link.tabIndex = -1;
      add(link, "bdi");
      set(add(cell, "span", "tag test"), said.test);
    },
    fill(cell, row) {
      attribute(cell.firstChild, "href", urlOf(row));
      set(cell.firstChild.firstChild, row.displayId || row.externalOrderId);
      attribute(cell.firstChild, "title", row.externalOrderId);
      cell.lastChild.hidden = !row.isTest;
    },
  },
  provider: {
    make(cell) { add(cell, "span", "badge"); },
    fill(cell, row) { set(cell.firstChild, values.providers[row.provider] ?? row.provider); },
  },
  status: {
    make(cell) { add(cell, "span", "status"); },
    fill(cell, row) { set(cell.firstChild, values.statuses[row.status] ?? row.status); },
  },
  deadline: {
    make(cell) {
      const told = add(cell, "p", "deadline");
      add(told, "b");
      add(told, "span");
    },
    // clock.js writes the time that is left.
    fill(cell, row) {
      const runs = row.status === "received" && row.acceptBy;
      attribute(cell.firstChild, "data-deadline", runs ? row.acceptBy : null);
      cell.firstChild.hidden = !runs;
    },
  },
  attention: {
    make(cell) { add(cell, "span", "tag attention"); },
    fill(cell, row) {
      const said = (code) => [values.attention[code] ?? code, code === "unknown_branch" ? row.storeId : ""].filter(Boolean).join(" ");
      const text = row.attentionReasons.map(said).join(" · ");
      set(cell.firstChild, text);
      attribute(cell.firstChild, "title", text);
      cell.firstChild.hidden = !text;
    },
  },
};

/** Return an empty row with a cell for each column. */
export function makeRow(columns) {
  const element = document.createElement("div");
  element.setAttribute("role", "row");
  const choose = add(element, "div", "cell c-choose");
  const box = add(choose, "input");
  box.type = "checkbox";
  box.tabIndex = -1;
  for (const name of columns) {
    const cell = add(element, "div", `cell c-${name}`);
    if (SPECIAL[name]) SPECIAL[name].make(cell);
    else add(cell, "bdi");
  }
  for (const cell of element.children) cell.setAttribute("role", "gridcell");
  return element;
}

/** Show an order in a row, touching only what differs; a place without one is being loaded. */
export function fillRow(element, row, columns, { chosen, active }) {
  const look = row ? `provider-${row.provider} is-${row.status}` : "is-loading";
  const name = `grid-row ${look}${chosen ? " is-chosen" : ""}${active ? " is-active" : ""}`;
  if (element.className !== name) element.className = name;
  attribute(element, "id", row ? `order-${row.id}` : null);
  attribute(element, "data-order", row ? row.id : null);
  attribute(element, "aria-selected", String(chosen));
  const box = element.firstChild.firstChild;
  box.hidden = !row;
  if (box.checked !== chosen) box.checked = chosen;
  if (!row) {
    // The styles hide what another order has left in it.
    element.querySelector("[data-deadline]")?.removeAttribute("data-deadline");
    return;
  }
  attribute(box, "aria-label", say("choose", { order: labelOf(row) }));
  columns.forEach((column, place) => {
    const cell = element.children[place + 1];
    if (SPECIAL[column]) SPECIAL[column].fill(cell, row);
    else set(cell.firstChild, TEXTS[column](row));
  });
}
