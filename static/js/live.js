// Following a company's orders. The socket is a hint; the numbers of the events tell what is missing, and
// /api/orders/changes has it. While the socket is away, or a proxy lets none through, the same question is asked every five
// seconds: then the page is not live, but not old either.

import { getJson, page, Refused, SessionEnded } from "./dom.js";

const SILENT_MS = 45_000;
const POLL_MS = 5_000;
const MOST_POLL_MS = 30_000;
const MOST_PAGES = 5;
const OVERTAKEN_MS = 300;
const ENDED_CODES = new Set([4401, 4403, 4404]);

/** For what every page has, such as what rings and the number of open alerts; `isLate` marks what was not told as it happened. */
const tellPage = (frame) => dispatchEvent(new CustomEvent("frame", { detail: frame }));

export class Feed {
  #socket = null;
  #connected = false;
  #attempt = 0;
  #reconnectTimer = 0;
  #pollTimer = 0;
  #missedPolls = 0;
  #lastBeat = 0;
  #answeredAt = Date.now();
  #head = 0;
  #working = false;
  #early = new Map();
  #overtaken = 0;
  #ended = false;
  #state = "";

  /**
   * `changes(frames)` gets order events in their order, each once; `reload()` fetches everything anew and returns its number;
   * `frame(frame)` gets what has no number; `state(name, since)` and `ended()` tell how the line stands: `catching`, `live`,
   * `polling`, or `down` since when.
   */
  constructor(handlers) {
    this.handlers = handlers;
    this.last = Number(page.seq);
  }

  start() {
    this.#tell("catching");
    this.#connect();
    setInterval(() => this.#watch(), 1_000);
    this.#pollSoon();
    addEventListener("online", () => this.#hurry());
    addEventListener("pageshow", (event) => { if (event.persisted) this.#hurry(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.#hurry(); });
  }

  /** Ask again and again while the socket is away: rarely where no answer comes, and never all screens at once. */
  #pollSoon() {
    clearTimeout(this.#pollTimer);
    const delay = Math.min(MOST_POLL_MS, POLL_MS * 2 ** this.#missedPolls) * (0.8 + Math.random() * 0.4);
    this.#pollTimer = setTimeout(async () => {
      if (!this.#connected) await this.catchUp();
      if (!this.#ended) this.#pollSoon();
    }, delay);
  }

  /** Bring the page up to date: what came after the last number that it has. */
  async catchUp() {
    if (this.#working || this.#ended) return;
    this.#working = true;
    const slow = setTimeout(() => { if (this.#connected) this.#tell("catching"); }, 400);
    try {
      do {
        const wanted = this.#head;
        await this.#fetchMissing();
        // What the server has not just told us it will tell with the next ping; asking again at once would only spin.
        if (this.#head === wanted) this.#head = Math.min(wanted, this.last);
      } while (this.#connected && this.last < this.#head);
      this.#missedPolls = 0;
      this.#answeredAt = Date.now();
      this.#tell(this.#connected ? "live" : "polling");
    } catch (error) {
      if (error instanceof SessionEnded) this.#end();
      else if (error instanceof Refused && (error.status === 403 || error.status === 404)) this.#end();
      else if (this.#connected) setTimeout(() => this.catchUp(), POLL_MS);
      else this.#missPoll();
    } finally {
      clearTimeout(slow);
      this.#early.clear();
      this.#working = false;
    }
  }

  #missPoll() {
    this.#missedPolls = Math.min(this.#missedPolls + 1, 4);
    if (this.#state !== "down") this.#tell("down", this.#answeredAt);
  }

  async #fetchMissing() {
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      let body;
      try {
        body = await getJson(`/api/orders/changes?since=${this.last}`);
      } catch (error) {
        if (error instanceof Refused && error.status === 410) return this.#reload();
        throw error;
      }
      const frames = body.results;
      const last = body.next && frames.length ? frames.at(-1).seq : Math.max(body.lastSeq, frames.at(-1)?.seq ?? 0);
      frames.forEach((frame) => tellPage({ ...frame, isLate: true }));
      if (frames.length) this.handlers.changes(frames);
      this.last = Math.max(this.last, last);
      if (!body.next) return undefined;
    }
    return this.#reload();
  }

  async #reload() {
    this.last = await this.handlers.reload();
  }

  #connect() {
    if (this.#ended || this.#socket) return;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/orders/?company=${encodeURIComponent(page.company)}`);
    this.#socket = socket;
    socket.addEventListener("message", (event) => { if (this.#socket === socket) this.#hear(JSON.parse(event.data)); });
    socket.addEventListener("close", (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      if (ENDED_CODES.has(event.code)) this.#end();
      else this.#lose(Date.now());
    });
  }

  #hear(frame) {
    this.#lastBeat = Date.now();
    tellPage(frame);
    if (frame.type === "hello") {
      this.#connected = true;
      this.#attempt = 0;
      this.#head = frame.seq;
      this.catchUp();
    } else if (frame.type === "ping") {
      this.#head = Math.max(this.#head, frame.seq);
      if (frame.seq > this.last) this.#missSoon();
    } else if (frame.seq === undefined) {
      this.handlers.frame?.(frame);
    } else if (frame.seq > this.last) {
      this.#head = Math.max(this.#head, frame.seq);
      // What is asked for already brings it along.
      if (!this.#working) this.#take(frame);
    }
  }

  /** Hand on the frames that are next; one that has overtaken another waits for it a moment. */
  #take(frame) {
    this.#early.set(frame.seq, frame);
    const next = [];
    while (this.#early.has(this.last + 1)) {
      this.last += 1;
      next.push(this.#early.get(this.last));
      this.#early.delete(this.last);
    }
    if (next.length) this.handlers.changes(next);
    if (this.#early.size) this.#missSoon();
  }

  /** Ask for what is missing, unless it comes by itself in this moment. */
  #missSoon() {
    this.#overtaken ||= setTimeout(() => {
      this.#overtaken = 0;
      if (this.last < this.#head) this.catchUp();
    }, OVERTAKEN_MS);
  }

  #watch() {
    if (!this.#connected || Date.now() - this.#lastBeat <= SILENT_MS) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#lose(this.#lastBeat);
  }

  /** The line is gone since `since`: say so, and try again, later each time and never all screens at once. */
  #lose(since) {
    if (this.#ended) return;
    if (this.#connected || this.#state === "catching") this.#tell("down", since);
    this.#connected = false;
    clearTimeout(this.#reconnectTimer);
    const delay = Math.min(15_000, 500 * 2 ** this.#attempt) * (0.5 + Math.random() / 2);
    this.#attempt = Math.min(this.#attempt + 1, 10);
    this.#reconnectTimer = setTimeout(() => this.#connect(), Math.max(500, delay));
    // The way without the socket is tried at once: it may be open.
    if (this.#state === "down" && !this.#missedPolls) this.catchUp();
  }

  #hurry() {
    if (this.#ended) return;
    this.#watch();
    clearTimeout(this.#reconnectTimer);
    this.#connect();
    this.catchUp();
  }

  #end() {
    if (this.#ended) return;
    this.#ended = true;
    this.#connected = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#tell("down", Date.now());
    this.handlers.ended();
  }

  #tell(state, since = 0) {
    if (state === this.#state && state !== "down") return;
    this.#state = state;
    this.handlers.state(state, since);
  }
}
