// A list that draws what is seen and little more: rows of one height, however many there are.

const SPARE = 8;

export class VirtualRows {
  #drawn = new Map();
  #due = 0;

  /**
   * `view` scrolls, `space` is as high as all rows, `frame` holds those that are drawn. `height()` is a row's, in pixels;
   * `key(index)` names what stands at a place; `make()` returns an empty row, `fill(element, index)` shows a place in it;
   * `seen(end)` is told up to where rows are wanted.
   */
  constructor(parts) {
    Object.assign(this, parts);
    this.count = 0;
    this.view.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    new ResizeObserver(() => this.drawSoon()).observe(this.view);
  }

  drawSoon() {
    this.#due ||= requestAnimationFrame(() => { this.#due = 0; this.draw(); });
  }

  draw() {
    const height = this.height();
    const { scrollTop, clientHeight } = this.view;
    const end = Math.min(this.count, Math.ceil((scrollTop + clientHeight) / height) + SPARE);
    const first = Math.max(0, Math.min(end, Math.floor(scrollTop / height) - SPARE));
    const wanted = new Map();
    for (let index = first; index < end; index += 1) wanted.set(this.key(index), index);
    const free = [];
    for (const [key, element] of this.#drawn) {
      if (wanted.has(key)) continue;
      this.#drawn.delete(key);
      element.remove();
      free.push(element);
    }
    let place = 0;
    for (const [key, index] of wanted) {
      let element = this.#drawn.get(key);
      if (!element) {
        element = free.pop() ?? this.make();
        this.#drawn.set(key, element);
        this.fill(element, index);
      }
      const position = String(index + 2);
      if (element.ariaRowIndex !== position) element.ariaRowIndex = position;
      // Nothing that stands where it belongs is touched.
      if (this.frame.children[place] !== element) this.frame.insertBefore(element, this.frame.children[place] ?? null);
      place += 1;
    }
    const whole = `${this.count * height}px`;
    const shift = `translateY(${first * height}px)`;
    if (this.space.style.blockSize !== whole) this.space.style.blockSize = whole;
    if (this.frame.style.transform !== shift) this.frame.style.transform = shift;
    this.seen(end);
  }

  /** Show a place anew, if it is drawn. */
  refill(key, index) {
    const element = this.#drawn.get(key);
    if (element) this.fill(element, index);
  }

  /** Forget every row that is drawn: they have other columns now. */
  clear() {
    this.frame.replaceChildren();
    this.#drawn.clear();
  }

  /** Scroll as little as is needed to see a place, below `covered` pixels of header. */
  show(index, covered) {
    const top = index * this.height();
    const { scrollTop, clientHeight } = this.view;
    if (top < scrollTop) this.view.scrollTop = top;
    else if (top + this.height() + covered > scrollTop + clientHeight) this.view.scrollTop = top + this.height() + covered - clientHeight;
    this.draw();
  }
}
