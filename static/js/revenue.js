// The chart of the revenue: one currency at a time, by pointer and by keyboard, and the same numbers as a table.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { getTogether } from "./together.js";

const HEIGHT = 210;
const STEPS = [1, 2, 3, 4, 6, 7, 12, 14, 24, 28];
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [1, 5]];
const KEPT = "revenue";
const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -6, PageDown: 6, Home: -Infinity, End: Infinity };

const find = (id) => document.getElementById(`revenue-${id}`);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Group the digits of an amount, which stays the text that the server told. */
export function grouped(amount) {
  const [whole, part] = amount.split(".");
  const digits = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return part ? `${digits}.${part}` : digits;
}

export class Revenue {
  #section;
  #clock;
  #form = find("form");
  #box = find("chart");
  #plot = null;
  #data = null;
  #chosen = "";
  #place = null;
  #isTable = false;
  #tag = "";
  #asked = "";
  #drawnAt = 0;

  /** `wanted` is called when a person asks for another chart. */
  wanted = () => {};

  constructor(section, clock) {
    this.#section = section;
    this.#clock = clock;
    this.#restore();
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("change", () => { this.#keep(); this.#busy(true); this.wanted(); });
    find("view").addEventListener("click", () => { this.#isTable = !this.#isTable; this.#keep(); this.#draw(); });
    this.#box.addEventListener("keydown", (event) => this.#key(event));
    this.#box.addEventListener("blur", () => this.#leave());
    new ResizeObserver(() => this.#fit()).observe(this.#box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  get #query() {
    return new URLSearchParams([...new FormData(this.#form)].filter(([, value]) => value)).toString();
  }

  /** Fetch what the form asks for, and draw it where it has changed. */
  async load() {
    const query = this.#query;
    try {
      const fresh = await getTogether("chart", `${this.#section.dataset.url}?${query}`, query === this.#asked ? this.#tag : "");
      if (query !== this.#query) return this.wanted();
      this.#drawnAt = Date.now();
      if (fresh) {
        this.#data = JSON.parse(fresh.text);
        this.#tag = fresh.tag;
        this.#asked = query;
      }
      this.#draw();
    } catch (error) {
      const { failed, old } = this.#section.dataset;
      this.#say(this.#data ? old.replace("{time}", this.#clock.format(this.#drawnAt)) : failed, "is-failed");
      throw error;
    } finally {
      this.#busy(false);
    }
    return undefined;
  }

  // -- what is drawn ---------------------------------------------------------------------------------------------------

  get #currency() {
    return this.#data.currencies.find((each) => each.currency === this.#chosen) ?? this.#data.currencies[0];
  }

  #draw() {
    if (!this.#data) return;
    const { dataset } = this.#section;
    const isEmpty = this.#data.currencies.every((each) => Number(each.total) === 0);
    this.#say(isEmpty ? dataset.empty : "");
    find("view").textContent = this.#isTable ? dataset.chart : dataset.table;
    this.#drawCurrencies();
    this.#box.hidden = this.#isTable || isEmpty;
    find("lines").hidden = this.#isTable || isEmpty || !this.#data.split;
    find("table").hidden = !this.#isTable || isEmpty;
    this.#drawLines();
    if (this.#isTable) this.#drawTable();
    else if (!isEmpty) this.#drawChart();
    this.#show(null);
  }

  #drawCurrencies() {
    const box = find("currencies");
    const names = this.#data.currencies.map((each) => each.currency);
    box.hidden = names.length < 2;
    if (box.dataset.names !== names.join()) {
      box.dataset.names = names.join();
      box.replaceChildren(...names.map((name) => {
        const button = element("button", name);
        button.type = "button";
        button.id = `revenue-in-${name}`;
        button.addEventListener("click", () => { this.#chosen = name; this.#draw(); });
        return button;
      }));
    }
    for (const button of box.children) button.setAttribute("aria-pressed", button.textContent === this.#currency.currency);
  }

  #drawLines() {
    find("lines").replaceChildren(...this.#currency.lines.map((line, number) => {
      const entry = element("li");
      const value = element("b");
      entry.className = `line-${number + 1}`;
      entry.append(element("span", "", "line-mark"), element("bdi", line.name), value);
      return entry;
    }));
  }

  #drawChart() {
    const { points, split } = this.#data;
    const { lines } = this.#currency;
    const soft = css("--soft");
    const series = lines.map((line, number) => {
      const stroke = css(`--line-${number + 1}`);
      const width = 2;
      if (!split) return { stroke, width, fill: `${stroke}40`, paths: uPlot.paths.bars({ size: [0.7, 48] }), points: { show: false } };
      return { stroke, width, dash: DASHES[number], points: { show: points.length <= 31, size: 6, fill: stroke } };
    });
    this.#plot?.destroy();
    this.#plot = new uPlot({
      width: this.#box.clientWidth || 320,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false } },
      scales: {
        x: { time: false, range: () => [-0.6, points.length - 0.4] },
        y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      axes: [
        { stroke: soft, grid: { show: false }, ticks: { show: false }, size: 30, space: 46, incrs: STEPS, values: (_plot, at) => at.map((place) => points[place]?.label ?? "") },
        { stroke: soft, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, size: 62, values: (_plot, at) => at.map((value) => grouped(String(value))) },
      ],
      series: [{}, ...series],
      hooks: { setCursor: [(plot) => this.#show(plot.cursor.left < 0 ? null : plot.cursor.idx)] },
    }, [points.map((_point, place) => place), ...lines.map((line) => line.values.map(Number))], this.#box);
    this.#box.setAttribute("aria-label", this.#section.dataset.name.replace("{currency}", this.#currency.currency));
    this.#box.setAttribute("aria-valuemax", points.length - 1);
  }

  #drawTable() {
    const { points } = this.#data;
    const { lines, currency, total } = this.#currency;
    const words = this.#section.dataset;
    const head = element("tr");
    head.append(cell("th", words.time, "col"), ...lines.map((line) => cell("th", line.name, "col")));
    const rows = points.map((point, place) => {
      const row = element("tr");
      row.append(cell("th", point.title, "row"), ...lines.map((line) => cell("td", grouped(line.values[place]))));
      return row;
    });
    const sum = element("tr");
    sum.append(cell("th", words.total, "row"), ...lines.map((line) => cell("td", grouped(line.total))));
    const table = element("table");
    const parts = ["thead", "tbody", "tfoot"].map((name) => element(name));
    parts[0].append(head);
    parts[1].append(...rows);
    parts[2].append(sum);
    table.append(element("caption", `${words.total}: ${grouped(total)} ${currency}`), ...parts);
    find("table").replaceChildren(table);
  }

  // -- one point -------------------------------------------------------------------------------------------------------

  /** Tell the amounts of a point, or of the whole time. */
  #show(place) {
    this.#place = place;
    const { points } = this.#data;
    const { lines, currency, total } = this.#currency;
    const isPoint = place !== null && place !== undefined && points[place];
    const values = lines.map((line) => grouped(isPoint ? line.values[place] : line.total));
    const sum = isPoint ? added(lines.map((line) => line.values[place])) : total;
    find("at").textContent = isPoint ? points[place].title : this.#section.dataset.whole;
    find("sum").textContent = `${grouped(sum)} ${currency}`;
    [...find("lines").children].forEach((entry, number) => { entry.lastChild.textContent = values[number]; });
    const told = this.#data.split ? lines.map((line, number) => `${line.name} ${values[number]}`).join(", ") : "";
    this.#box.setAttribute("aria-valuenow", isPoint ? place : points.length - 1);
    this.#box.setAttribute("aria-valuetext", `${find("at").textContent}: ${find("sum").textContent}${told ? `; ${told}` : ""}`);
  }

  #key(event) {
    const step = KEYS[event.key];
    if (event.key === "Escape") this.#leave();
    if (step === undefined || !this.#plot) return;
    event.preventDefault();
    const last = this.#data.points.length - 1;
    const from = this.#place ?? (step > 0 ? -1 : last + 1);
    const place = Math.min(last, Math.max(0, from + step));
    this.#plot.setCursor({ left: this.#plot.valToPos(place, "x"), top: 0 });
    this.#show(place);
  }

  #leave() {
    this.#plot?.setCursor({ left: -10, top: -10 });
    if (this.#data) this.#show(null);
  }

  #fit() {
    const width = this.#box.clientWidth;
    if (this.#plot && width && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
  }

  // -- what it says ----------------------------------------------------------------------------------------------------

  #say(text, kind = "") {
    const state = find("state");
    if (state.textContent !== text) state.textContent = text;
    state.className = `panel-state ${kind}`;
    state.hidden = !text;
  }

  #busy(on) {
    if (on) this.#section.setAttribute("aria-busy", "true");
    else this.#section.removeAttribute("aria-busy");
  }

  // -- what this screen was set to -------------------------------------------------------------------------------------

  #keep() {
    const kept = { ...Object.fromEntries(new FormData(this.#form)), isTable: this.#isTable };
    try { localStorage.setItem(KEPT, JSON.stringify(kept)); } catch { /* A browser that keeps nothing draws all the same. */ }
  }

  #restore() {
    let kept = {};
    try { kept = JSON.parse(localStorage.getItem(KEPT)) ?? {}; } catch { return; }
    this.#isTable = kept.isTable === true;
    for (const field of this.#form.elements) {
      if (field.type === "radio") field.checked = kept[field.name] === undefined ? field.checked : kept[field.name] === field.value;
      else if (field.name && [...field.options ?? []].some((option) => option.value === kept[field.name])) field.value = kept[field.name];
    }
    for (const name of ["by", "split"]) {
      const radios = [...this.#form.elements].filter((field) => field.name === name);
      if (!radios.some((radio) => radio.checked)) radios[0].checked = true;
    }
  }
}

/** Add amounts of one currency without losing a digit: they have the same number of decimals. */
export function added(amounts) {
  const digits = (amounts[0]?.split(".")[1] ?? "").length;
  const sum = amounts.reduce((whole, amount) => whole + BigInt(amount.replace(".", "")), 0n).toString();
  if (!digits) return sum;
  const padded = sum.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function cell(name, text, scope = "") {
  const made = element(name, text);
  if (scope) made.scope = scope;
  return made;
}
