// The page's small tools: parsing a part of a page, replacing without disturbing, words, and messages.

const main = document.getElementById("main");
export const page = main.dataset;

/** The page's language for Intl, with the digits that the rest of the page has. */
export const locale = `${document.documentElement.lang}-u-nu-latn`;
const plurals = new Intl.PluralRules(locale);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Return one of some translated sentences with its {names} filled in; {count} chooses the form of the plural. */
export function sentenceOf(known, name, values = {}) {
  const form = values.count === undefined ? "" : capital(plurals.select(values.count));
  const sentence = known[name + form] ?? known[name] ?? name;
  return sentence.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Return one of the sentences that every live page has. */
export const words = (name, values) => sentenceOf(document.getElementById("words")?.dataset ?? {}, name, values);

/** Thrown when the server says that the person is signed in no longer. */
export class SessionEnded extends Error {}

/** Thrown for an answer that is not a success; `status` and the contract's `body` tell which. */
export class Refused extends Error {
  constructor(status, body) {
    // The API's sentences are English, for machines; a page in another language has its own for the codes people meet.
    const own = `error${capital(body.error ?? "")}`;
    super(words(own) === own ? body.message ?? `HTTP ${status}` : words(own));
    this.status = status;
    this.body = body;
  }
}

async function answer(path, options) {
  const headers = { "X-Fragment": "1", ...options.headers };
  if (page.company) headers["X-Company-Id"] = page.company;
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(path, { signal, credentials: "same-origin", redirect: "manual", ...options, headers });
  if (response.status === 401 || response.type === "opaqueredirect") throw new SessionEnded();
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

export async function getJson(path) {
  return (await answer(path, { headers: { Accept: "application/json" } })).json();
}

/** Fetch a page or a part of one, as a document that runs and loads nothing. */
export async function getPage(path) {
  const response = await answer(path, { headers: { Accept: "text/html" } });
  return parsePage(await response.text());
}

/** Return a page or a part of one as a document that runs and loads nothing. */
export const parsePage = (text) => new DOMParser().parseFromString(text, "text/html");

/** Fetch a part of a page, unless it is still the one with `tag`; return its text and its tag, null while nothing has changed. */
export async function getIfChanged(path, tag) {
  try {
    const response = await answer(path, { headers: tag ? { "If-None-Match": tag } : {} });
    return { text: await response.text(), tag: response.headers.get("ETag") };
  } catch (error) {
    if (error instanceof Refused && error.status === 304) return null;
    throw error;
  }
}

export async function postJson(path, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() };
  return (await answer(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
}

/** Send a form as a browser would, without leaving the page. */
export async function postForm(form, submitter) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken() };
  const body = new URLSearchParams(new FormData(form, submitter));
  return (await answer(submitter?.getAttribute("formaction") ?? form.action, { method: "POST", headers, body })).json();
}

function csrfToken() {
  return document.cookie.match(/(?:^|;\s*)csrftoken=([^;]+)/)?.[1] ?? "";
}

/** Put a newer element in an older one's place: what was open or typed stays, and the focus where it was. */
export function replaceKeeping(old, fresh) {
  const open = [...old.querySelectorAll("details[open][id]")].map((each) => each.id);
  const typed = [...old.querySelectorAll("input[id], textarea[id], select[id]")].filter(isTyped);
  const active = old.contains(document.activeElement) ? document.activeElement : null;
  const place = (pre, index) => pre.closest("details[id]")?.id ?? index;
  const tops = new Map([...old.querySelectorAll("pre")].map((pre, index) => [place(pre, index), [pre.scrollLeft, pre.scrollTop]]));
  old.replaceWith(fresh);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  // The very field comes along, with its text, its selection and what the keyboard was about to write.
  for (const field of typed) {
    const drawn = document.getElementById(field.id);
    if (drawn && fresh.contains(drawn)) drawn.replaceWith(field);
  }
  [...fresh.querySelectorAll("pre")].forEach((pre, index) => pre.scrollTo(...(tops.get(place(pre, index)) ?? [0, 0])));
  if (!active) return;
  const again = active.id ? document.getElementById(active.id) : fresh.querySelector("a, button, summary");
  again?.focus({ preventScroll: true });
}

/** Tell whether somebody has changed a field since the server drew it. */
function isTyped(field) {
  if (field.type === "hidden") return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) return field.selectedIndex !== Math.max(0, [...field.options].findIndex((each) => each.defaultSelected));
  return field.value !== field.defaultValue;
}

/** Wait while somebody presses something, so that no click is lost; at most `LIMIT_MS`. */
export const released = () => waitWhile(() => pressed);

/**
 * Wait while somebody is about to press something in `element`, so that nothing moves away below; at most `LIMIT_MS`. Once
 * `inHurry`, only while they press.
 */
export const calmMoment = (element, inHurry = () => false) =>
  waitWhile(() => pressed || (!inHurry() && element.matches(":hover") && performance.now() - moved < 600));

const LIMIT_MS = 2_500;
function waitWhile(busy) {
  const started = performance.now();
  return new Promise((resolve) => {
    const look = () => {
      if (!busy() || performance.now() - started > LIMIT_MS) resolve();
      else setTimeout(look, 120);
    };
    look();
  });
}
let moved = -Infinity;
let pressed = false;
addEventListener("pointermove", () => { moved = performance.now(); }, { passive: true });
addEventListener("pointerdown", () => { pressed = true; }, { passive: true });
for (const name of ["pointerup", "pointercancel", "blur"]) addEventListener(name, () => { pressed = false; }, { passive: true });

/** Show a message until it is closed, or for `forMs`. */
export function toast(text, forMs = 9_000) {
  const box = document.createElement("div");
  const close = document.createElement("button");
  box.className = "toast";
  box.textContent = text;
  close.className = "quiet";
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", words("close"));
  close.addEventListener("click", () => box.remove());
  box.append(close);
  const toasts = document.getElementById("toasts");
  toasts.append(box);
  while (toasts.children.length > 4) toasts.firstChild.remove();
  setTimeout(() => box.remove(), forMs);
}

/** Tell a screen reader something, when it has finished what it is saying. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Say that the session has ended, once. */
export function showEnded() {
  document.getElementById("ended").hidden = false;
}

/** Return what this device keeps under a name, `otherwise` where it keeps nothing. */
export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? memory.get(name) ?? otherwise;
  } catch {
    return memory.get(name) ?? otherwise;
  }
}

/** Keep something on this device; where the browser keeps nothing, until the page is left. */
export function keepHere(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // The page itself remembers it.
  }
}
const memory = new Map();
