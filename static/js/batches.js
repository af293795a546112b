// Orders that have changed, on their way to the screen: the first at once, a rush of them in batches, so that the screen
// stays calm, and the server too. The longer the rush, the longer it is gathered; what has changed is never shown later than
// the longest pause and the time of one answer.

import { SessionEnded, showEnded, toast, words } from "./dom.js";

const BATCH = 50;
// Before the first change is drawn; then from the start of one drawing to the next: of the second change, while it goes on.
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
  #timer = 0;
  #working = false;
  #generation = 0;
  #rush = 0;
  #startedAt = -Infinity;
  #restsUntil = 0;

  /**
   * `some(ids, isOwn)` and `all()` fetch, and return a function that puts what they have fetched on the screen, unless
   * something newer has been fetched whole meanwhile; that of `all` returns the number up to which it is complete. `seq` is
   * the number up to which the page was drawn. `pausesMs` is null where one request is not to stand for several changes.
   */
  constructor({ some, all, seq, pausesMs = PAUSES_MS }) {
    this.some = some;
    this.all = all;
    this.seq = seq;
    this.pausesMs = pausesMs;
  }

  /** Which drawing of the whole is on the screen, or under way to it. */
  get generation() {
    return this.#generation;
  }

  add(ids) {
    for (const id of ids) this.#waiting.add(id);
    if (!this.#waiting.size || this.#timer || this.#working) return;
    const now = performance.now();
    const at = Math.max(this.#restsUntil, this.pausesMs ? this.#nextAt(now) : 0);
    if (at > now) this.#timer = setTimeout(() => this.#run(), at - now);
    else this.#run();
  }

  #nextAt(now) {
    if (now - this.#startedAt > QUIET_MS) {
      this.#rush = 0;
      return now + this.pausesMs[0];
    }
    this.#rush = Math.min(this.#rush + 1, this.pausesMs.length - 1);
    return this.#startedAt + this.pausesMs[this.#rush];
  }

  /** Draw now what waits for its pause to end: something else is being asked for that it can go with. */
  hurry() {
    if (!this.#timer || performance.now() < this.#restsUntil) return;
    clearTimeout(this.#timer);
    this.#run();
  }

  async #run() {
    this.#timer = 0;
    this.#working = true;
    this.#startedAt = performance.now();
    let restMs = this.pausesMs ? LEAST_REST_MS : 0;
    try {
      if (this.#waiting.size > 4 * BATCH) await this.reload();
      else if (this.#waiting.size) await this.draw([...this.#waiting].slice(0, BATCH));
    } catch (error) {
      failed(error);
      restMs = FAILED_REST_MS;
    }
    this.#restsUntil = performance.now() + restMs;
    this.#working = false;
    this.add([]);
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
