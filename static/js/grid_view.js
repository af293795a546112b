// The grid's view, which is its address: what is filtered, by what it is sorted, and which columns are shown.

import { page, toast } from "./dom.js";

const FILTERS = ["company", "search", "status", "provider", "branch", "since", "until", "needsAttention"];
const FALLS_FIRST = new Set(["received", "changed", "total", "items"]);
export const USUAL_SORT = "-received";

const grid = document.getElementById("grid");
const filter = document.getElementById("filter");
const heads = [...grid.querySelectorAll("[data-column]")];
const boxes = [...document.querySelectorAll("[data-show]")];
const known = heads.map((head) => head.dataset.column);
const usual = heads.filter((head) => "usual" in head.dataset).map((head) => head.dataset.column);
const asked = new URLSearchParams(location.search);

export const view = { columns: wantedColumns(), sort: wantedSort() };

function wantedColumns() {
  const wanted = (asked.get("columns") ?? "").split(",").filter((name) => known.includes(name));
  return wanted.length ? wanted : usual;
}

function wantedSort() {
  const wanted = asked.get("sort") ?? USUAL_SORT;
  return heads.some((head) => head.dataset.sort === wanted.replace("-", "")) ? wanted : USUAL_SORT;
}

function filterQuery() {
  const params = new URLSearchParams();
  const form = new FormData(filter);
  for (const name of FILTERS) for (const value of form.getAll(name)) if (value) params.append(name, value);
  return params;
}

/** Return what the server is asked for. */
export function rowsQuery() {
  const params = filterQuery();
  params.set("sort", view.sort);
  return params;
}

function viewQuery() {
  const params = filterQuery();
  if (view.sort !== USUAL_SORT) params.set("sort", view.sort);
  if (view.columns.join() !== usual.join()) params.set("columns", view.columns.join());
  return params;
}

const plain = (params) => [...params].map((pair) => pair.join("=")).sort().join("&");

/** Put the view into the address, and show in the page's controls what it is. */
export function showView() {
  const query = viewQuery();
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  document.getElementById("export").href = `${page.exportUrl}?${filterQuery()}`;
  for (const link of filter.querySelectorAll("[data-view]")) {
    if (plain(new URLSearchParams(link.search)) === plain(query)) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const form = new FormData(filter);
  for (const told of filter.querySelectorAll("[data-chosen]")) {
    const count = told.dataset.chosen.split(" ").reduce((sum, name) => sum + form.getAll(name).filter(Boolean).length, 0);
    told.textContent = count || "";
  }
  showColumns();
}

function showColumns() {
  for (const head of heads) {
    const name = head.dataset.sort;
    head.hidden = !view.columns.includes(head.dataset.column);
    if (name) head.ariaSort = name === view.sort ? "ascending" : `-${name}` === view.sort ? "descending" : "none";
  }
  for (const box of boxes) box.checked = view.columns.includes(box.dataset.show);
  const shown = heads.filter((head) => !head.hidden).map((head) => Number(head.dataset.width));
  // The last column takes what is left over, so that header and rows are of one width.
  grid.style.setProperty("--columns", `3rem ${shown.slice(0, -1).map((width) => `${width}rem`).join(" ")} minmax(${shown.at(-1)}rem, 1fr)`);
  grid.style.setProperty("--least", `${shown.reduce((sum, width) => sum + width, 3)}rem`);
}

/** Answer the page's controls: `filtered()` is called when other rows are wanted, `drawn()` when the same in other columns. */
export function startView({ filtered, drawn }) {
  let typing = 0;
  filter.addEventListener("submit", (event) => { event.preventDefault(); filtered(); });
  filter.addEventListener("change", (event) => { if (!("show" in event.target.dataset)) filtered(); });
  filter.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(filtered, 300);
  });
  grid.querySelector(".grid-header").addEventListener("click", (event) => {
    const name = event.target.closest("button") && event.target.closest("[data-sort]")?.dataset.sort;
    if (!name) return;
    if (view.sort.replace("-", "") === name) view.sort = view.sort === name ? `-${name}` : name;
    else view.sort = FALLS_FIRST.has(name) ? `-${name}` : name;
    filtered();
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      const isWanted = (name) => name === "number" || boxes.find((each) => each.dataset.show === name)?.checked;
      view.columns = known.filter(isWanted);
      drawn();
    });
  }
  document.getElementById("more-filters").addEventListener("click", (event) => {
    event.currentTarget.ariaExpanded = String(event.currentTarget.ariaExpanded !== "true");
  });
  document.getElementById("copy-view").addEventListener("click", async (event) => {
    const { done, byHand } = event.currentTarget.dataset;
    // Without a secure origin there is no clipboard.
    const copied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    toast(copied ? done : byHand, 5_000);
  });
}
