// The chart of the analytics: one figure of the table, drawn from the table itself.

import uPlot from "../vendor/uplot/uPlot.esm.js";

const HEIGHT = 260;
const MOST_BARS = 62;
const KEPT = "analytics";
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const find = (id) => document.getElementById(`analytics-${id}`);

/** How the scale of each kind of figure is written. */
const SCALES = {
  count: (value) => String(value),
  amount: (value) => value.toLocaleString("en", { maximumFractionDigits: 2 }),
  minutes: (value) => `${Math.floor(value / 60)}:${String(Math.round(value % 60)).padStart(2, "0")}`,
  ms: (value) => `${value} ms`,
  percent: (value) => `${Math.round(value * 1000) / 10} %`,
};
const STEPS = {
  count: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000],
  minutes: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
};

const table = document.querySelector("#figures-table table");
const heads = [...table.tHead.rows[0].cells].slice(1);
const rows = [...table.tBodies[0].rows].map((row) => ({ name: row.cells[0].textContent, short: row.cells[0].dataset.short, cells: [...row.cells].slice(1) }));
// A table tells the newest first, a chart from the oldest on.
if (table.hasAttribute("data-newest-first")) rows.reverse();
const whole = [...table.tFoot.rows[0].cells].slice(1).map((cell) => cell.textContent);
const box = find("chart");
const metric = find("metric");
let plot = null;

function draw() {
  const number = Number(metric.value);
  const { kind, code } = heads[number].dataset;
  const values = rows.map((row) => (row.cells[number].dataset.value === "" ? null : Number(row.cells[number].dataset.value)));
  const isEmpty = values.every((value) => !value);
  box.hidden = isEmpty;
  plot?.destroy();
  plot = null;
  const figure = metric.selectedOptions[0].textContent;
  box.setAttribute("aria-label", box.dataset.name.replace("{figure}", figure));
  show(null);
  if (isEmpty) return;
  const stroke = css("--line-1");
  const soft = css("--soft");
  const bars = rows.length <= MOST_BARS;
  plot = new uPlot({
    width: box.clientWidth || 320,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false, setScale: false } },
    scales: {
      x: { time: false, range: () => [-0.6, rows.length - 0.4] },
      y: { range: (_plot, _least, most) => [0, most > 0 ? most * 1.08 : 1] },
    },
    axes: [
      { stroke: soft, grid: { show: false }, ticks: { show: false }, size: 30, space: 60, incrs: [1, 2, 3, 4, 6, 7, 12, 14, 28, 56, 91, 182], values: (_plot, at) => at.map((place) => rows[place]?.short ?? "") },
      { stroke: soft, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, size: 66, incrs: STEPS[kind], values: (_plot, at) => at.map(SCALES[kind]) },
    ],
    series: [{}, { stroke, width: 2, spanGaps: false, ...(bars ? { fill: `${stroke}40`, paths: uPlot.paths.bars({ size: [0.7, 48] }), points: { show: false } } : { points: { show: false } }) }],
    hooks: { setCursor: [(drawn) => show(drawn.cursor.left < 0 ? null : drawn.cursor.idx)] },
  }, [rows.map((_row, place) => place), values], box);
  box.dataset.drawn = code;
}

/** Tell the figure of one row, or of the whole time. */
function show(place) {
  const number = Number(metric.value);
  const row = place === null || place === undefined ? null : rows[place];
  find("at").textContent = row ? row.name : box.dataset.whole;
  find("value").textContent = row ? row.cells[number].textContent : whole[number];
}

function keep() {
  try { localStorage.setItem(KEPT, heads[Number(metric.value)].dataset.code); } catch { /* It is chosen anew next time. */ }
}

function restore() {
  let kept = "";
  try { kept = localStorage.getItem(KEPT) ?? ""; } catch { return; }
  const place = heads.findIndex((head) => head.dataset.code === kept);
  if (place >= 0) metric.value = String(place);
}

restore();
draw();
metric.addEventListener("change", () => { keep(); draw(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new ResizeObserver(() => {
  if (plot && box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: HEIGHT });
}).observe(box);
