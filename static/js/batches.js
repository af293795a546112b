// Orders that have changed, on their way to the screen: the first at once, a rush of them in batches, so that the screen
// stays calm, and the server too.

import { SessionEnded } from "./dom.js";

const BATCH = 50;
const PAUSE_MS = 800;
const FAILED_PAUSE_MS = 5_000;

export class Batches {
  #waiting = new Set();
  #running = null;
  #generation = 0;

  /**
   * `some(ids, isOwn)` and `all()` fetch, and return a function that puts what they have fetched on the screen, unless
   * something newer has been fetched whole meanwhile; that of `all` returns the number up to which it is complete. `failed`
   * tells a person.
   */
  constructor({ some, all, failed }) {
    this.some = some;
    this.all = all;
    this.failed = failed;
    this.seq = 0;
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
    let pauseMs = PAUSE_MS;
    try {
      if (this.#waiting.size > 4 * BATCH) await this.reload();
      else await this.draw([...this.#waiting].slice(0, BATCH));
    } catch (error) {
      this.failed(error);
      pauseMs = FAILED_PAUSE_MS;
    }
    await new Promise((resolve) => { setTimeout(resolve, pauseMs); });
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
