// Orders that have changed, on their way to the screen: the first at once, a rush of them in batches, so that the screen
// stays calm, and the server too. The longer the rush, the longer it is gathered; what has changed is never shown later than
// the longest pause and the time of one answer.

import { SessionEnded, showEnded, toast, words } from "./dom.js";

const BATCH = 50;
// From the start of one drawing to the next: of the first change, of the second, while it goes on.
const PAUSES_MS = [0, 800, 1_200];
const QUIET_MS = 3_000;
const LEAST_REST_MS = 200;
const FAILED_REST_MS = 5_000;

/** Tell a person that orders could not be loaded. */
export function failed(error) {
  if (error instanceof SessionEnded) showEnded();
  else toast(words("loadFailed"), 4_000);
}

export class Batches {
  #waiting = new Set();
  #running = null;
  #generation = 0;
  #rush = 0;
  #startedAt = -Infinity;
  #restsUntil = 0;

  /**
   * `some(ids, isOwn)` and `all()` fetch, and return a function that puts what they have fetched on the screen, unless
   * something newer has been fetched whole meanwhile; that of `all` returns the number up to which it is complete. `seq` is
   * the number up to which the page was drawn. Where one request is not to stand for several changes, `gathers` is false.
   */
  constructor({ some, all, seq, gathers = true }) {
    this.some = some;
    this.all = all;
    this.seq = seq;
    this.gathers = gathers;
  }

  /** Which drawing of the whole is on the screen, or under way to it. */
  get generation() {
    return this.#generation;
  }

  add(ids) {
    for (const id of ids) this.#waiting.add(id);
    if (!this.#waiting.size) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
      this.add([]);
    });
  }

  async #run() {
    const now = performance.now();
    const isFirst = now - this.#startedAt > QUIET_MS;
    this.#rush = isFirst ? 0 : Math.min(this.#rush + 1, PAUSES_MS.length - 1);
    const at = Math.max(this.#restsUntil, this.gathers ? this.#startedAt + PAUSES_MS[this.#rush] : 0);
    if (at > now) await new Promise((resolve) => { setTimeout(resolve, at - now); });
    this.#startedAt = performance.now();
    let restMs = this.gathers ? LEAST_REST_MS : 0;
    try {
      if (this.#waiting.size > 4 * BATCH) await this.reload();
      else if (this.#waiting.size) await this.draw([...this.#waiting].slice(0, BATCH));
    } catch (error) {
      failed(error);
      restMs = FAILED_REST_MS;
    }
    this.#restsUntil = performance.now() + restMs;
  }

  /** Draw some orders as they are now; `isOwn` after a person's own step, which is shown at once. */
  async draw(ids, isOwn = false) {
    const mine = this.#generation;
    // Taken off before they are asked for: what happens to them from then on puts them on the list again.
    for (const id of ids) this.#waiting.delete(id);
    try {
      const put = await this.some(ids, isOwn);
      if (mine === this.#generation) put();
      else this.add(ids);
    } catch (error) {
      if (!(error instanceof SessionEnded)) this.add(ids);
      throw error;
    }
  }

  /** Draw everything anew; return the number up to which the screen is complete. */
  async reload() {
    this.#generation += 1;
    const mine = this.#generation;
    const covered = [...this.#waiting];
    this.#waiting.clear();
    try {
      const put = await this.all();
      if (mine === this.#generation) this.seq = put(covered);
      return this.seq;
    } catch (error) {
      if (!(error instanceof SessionEnded)) this.add(covered);
      throw error;
    }
  }
}
