// The orders that the grid has: pages of the server's list in its order, and what has changed in them since.

import { getJson, page, SessionEnded } from "./dom.js";

const FIRST = 100;
const MORE = 500;
const AHEAD = 100;
const RETRY_MS = 5_000;

export class OrdersTable {
  #loading = null;
  #generation = 0;
  /** What the rows were asked for with: a cursor goes with no other filter and order. */
  #asked = "";
  #next = null;

  /** `query()` returns the parameters of the filter and the order; `changed()` is called when there are more rows. */
  constructor({ query, changed, failed }) {
    this.query = query;
    this.changed = changed;
    this.failed = failed;
    this.rows = [];
    this.byId = new Map();
    this.total = 0;
    this.wanted = 0;
  }

  /** How many places there are: the server's count, until all rows are here. */
  get count() {
    return this.#next === null ? this.rows.length : Math.max(this.total, this.rows.length + 1);
  }

  get isWhole() {
    return this.#next === null;
  }

  async #fetch(asked, more) {
    const params = new URLSearchParams(asked);
    for (const [name, value] of Object.entries(more)) params.set(name, value);
    const body = await getJson(`${page.rowsUrl}?${params}`);
    const orders = body.results.map((row) => Object.fromEntries(row.map((value, place) => [body.columns[place], value])));
    return { ...body, orders };
  }

  /** Fetch the first page anew; return what puts it in place, see Batches. */
  async first() {
    this.#generation += 1;
    const asked = this.query();
    const body = await this.#fetch(asked, { limit: FIRST });
    return () => {
      this.#generation += 1;
      this.#asked = asked;
      this.rows = [];
      this.byId = new Map();
      this.total = body.total;
      this.#add(body);
      return body.seq;
    };
  }

  #add(body) {
    for (const order of body.orders) {
      if (this.byId.has(order.id)) continue;
      this.byId.set(order.id, order);
      this.rows.push(order);
    }
    this.#next = body.next && new URL(body.next).searchParams.get("cursor");
    this.changed();
  }

  /** Have rows up to a place, and some more, page after page; safe to call often. */
  want(end) {
    this.wanted = end + AHEAD;
    this.#loading ??= this.#load().catch((error) => {
      this.failed(error);
      if (!(error instanceof SessionEnded)) setTimeout(() => this.want(this.wanted - AHEAD), RETRY_MS);
    }).finally(() => { this.#loading = null; });
    return this.#loading;
  }

  async #load() {
    while (this.#next !== null && this.rows.length < this.wanted) {
      const mine = this.#generation;
      const body = await this.#fetch(this.#asked, { limit: MORE, cursor: this.#next });
      if (mine === this.#generation) this.#add(body);
    }
  }

  /** Fetch some orders as they are now, as far as they match; return them by id. */
  async some(ids) {
    const body = await this.#fetch(this.query(), { ids: ids.join(",") });
    return new Map(body.orders.map((order) => [order.id, order]));
  }

  /** Take over a newer state of an order that is here; tell whether it was newer. */
  update(order) {
    const old = this.byId.get(order.id);
    if (order.seq <= old.seq) return false;
    Object.assign(old, order);
    return true;
  }

  /** Take an order out; return its place. */
  remove(id) {
    const place = this.rows.indexOf(this.byId.get(id));
    this.rows.splice(place, 1);
    this.byId.delete(id);
    this.total = Math.max(0, this.total - 1);
    return place;
  }

  /** Put an order where its time says, in a list of the newest first; return its place, -1 for one behind all loaded. */
  insert(order) {
    const came = Date.parse(order.createdAt);
    let place = this.rows.findIndex((each) => Date.parse(each.createdAt) < came);
    if (place < 0) {
      if (!this.isWhole) return -1;
      place = this.rows.length;
    }
    this.rows.splice(place, 0, order);
    this.byId.set(order.id, order);
    this.total += 1;
    return place;
  }
}
