// What must not be missed, on every page: a new order rings as its frame tells it; what else rings is asked of the server when
// a frame says that it is another thing now. Heard, counted in the title, and acknowledged for all devices at once.

import { keepHere, kept, parsePage, postForm, released, replaceKeeping, sentenceOf, SessionEnded } from "./dom.js";
import { change, followVolume, isAudible, isBlocked, open, ring, settings, tryOut, unblock } from "./sound.js";
import { getTogether } from "./together.js";

const PAUSE_MS = 1_000;
// What a frame has told by itself is checked this much later; sooner with what the page asks for anyway, but not at each time.
const CHECK_MS = 10_000;
const ALONG_MS = 5_000;
// While the socket tells what happens, asking is a net below it: a page where nothing happens is left in peace.
const LOOK_MS = 600_000;
const LOOK_BLIND_MS = 10_000;
const SILENT_MS = 45_000;
const BLOCKED_AFTER_MS = 500;
const HUSHED = "hushed";
const OFF = new Set(["cancelled", "rejected", "failed"]);
const FINISHED = new Set([...OFF, "delivered"]);

const bell = document.getElementById("bell");
const body = () => document.getElementById("bell-body");
const element = (id) => document.getElementById(id);
const icon = document.querySelector("link[rel=icon]");
const title = document.title;
const plainIcon = icon.href;

// -- what rings: asked for, and the server knows ---------------------------------------------------------------------------

let due = 0;
let dueAt = 0;
let looking = false;
let again = false;
let ended = false;
let missed = false;
let heardAt = 0;
let lookedAt = -Infinity;

/** Look what rings in `afterMs`, or sooner where that is wanted already; in a rush once a second. */
function lookSoon(afterMs = 0) {
  if (ended) return;
  const now = performance.now();
  const at = Math.max(now + afterMs, lookedAt + PAUSE_MS);
  if (due && dueAt <= at) return;
  clearTimeout(due);
  dueAt = at;
  due = setTimeout(look, at - now);
}

async function look() {
  due = 0;
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  lookedAt = performance.now();
  missed = false;
  try {
    const fresh = parsePage((await getTogether("bell", bell.dataset.url)).text);
    showAlerts(fresh.getElementById("alert-count"));
    const rings = fresh.getElementById("bell-body");
    if (rings) await show(rings);
  } catch (error) {
    // What rang rings on: nobody has said that it may be silent.
    if (error instanceof SessionEnded) ended = true;
    missed = true;
  } finally {
    looking = false;
    if (again) lookSoon();
    again = false;
    // The answer may be older than what was heard on its way: of each order the last word counts.
    new Map(meanwhile.splice(0).map((frame) => [frame.orderId, frame])).forEach(take);
  }
}

/** Something else is asked for: what is to be looked for soon, or has not been for a while, goes along. */
function lookAlong() {
  const now = performance.now();
  if (!due || looking || (dueAt - now > PAUSE_MS && now - lookedAt < ALONG_MS)) return;
  clearTimeout(due);
  look();
}

/** Show the number of open alerts in the navigation. */
function showAlerts(fresh) {
  const old = element("alert-count");
  if (fresh && old && old.outerHTML !== fresh.outerHTML) old.replaceWith(fresh);
}

async function show(fresh) {
  element("bell-newer").hidden = fresh.dataset.build === bell.dataset.build;
  // The token is another one in every answer, and nothing to see.
  const shape = (root) => root.outerHTML.replaceAll(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  if (shape(fresh) === drawn) return;
  await released();
  drawn = shape(fresh);
  const top = bell.scrollTop;
  replaceKeeping(body(), fresh);
  bell.scrollTop = top;
  tell();
}
let drawn = "";

// -- what the frames tell ------------------------------------------------------------------------------------------------

const meanwhile = [];
const ringing = () => [...body().querySelectorAll("input[name=order]")].map((input) => input.value);

/** Take what a frame tells. What an order does that neither rings nor begins to is nothing to ask for. */
function hear(frame) {
  heardAt = performance.now();
  if (frame.type === "hello" || frame.type === "alert") lookSoon();
  if (frame.orderId === undefined) return;
  if (looking) meanwhile.push(frame);
  take(frame);
}

function take(frame) {
  if (frame.type === "order_created") takeNew(frame);
  else if (OFF.has(frame.status) || "full" in body().dataset || ringing().includes(frame.orderId)) lookSoon();
}

/** A new order rings at once and is counted here; the server is asked a little later, which knows what nobody has heard. */
function takeNew(frame) {
  if (FINISHED.has(frame.status)) return;
  const first = document.getElementById("bell-new");
  let bar = body().querySelector(".is-new[data-ring]");
  if (!bar && (frame.isLate || !first)) {
    // Somebody may have heard it long ago.
    lookSoon();
    return;
  }
  lookSoon(bar ? CHECK_MS : PAUSE_MS);
  if (ringing().includes(frame.orderId)) return;
  if (!bar) {
    body().querySelector(".is-new")?.remove();
    bar = first.content.firstElementChild.cloneNode(true);
    body().insertBefore(bar, body().querySelector(".is-alarm"));
  }
  bar.append(Object.assign(document.createElement("input"), { type: "hidden", name: "order", value: frame.orderId }));
  const count = bar.querySelectorAll("input[name=order]").length;
  body().dataset.new = count;
  bar.querySelector("strong").textContent = sentenceOf(bell.dataset, "newOrders", { count });
  bar.querySelector("[data-more]").hidden = false;
  drawn = "";
  tell();
}

/** Look again every now and then: often while no frame comes that would tell, or where the last look was in vain. */
function keepLooking() {
  const isBlind = missed || performance.now() - heardAt > SILENT_MS;
  if (performance.now() - lookedAt > (isBlind ? LOOK_BLIND_MS : LOOK_MS)) lookSoon();
}

// -- how it is told ------------------------------------------------------------------------------------------------------

let isRinger = false;
let stands = false;

/** Bring sound, title, icon and banners in line with what rings. */
function tell() {
  const alarms = body().querySelector("[data-alarms]");
  alarms?.classList.toggle("is-hushed", idsOf(alarms).every((id) => kept(HUSHED, []).includes(id)));
  const kinds = ["cancelled", "new", "alarm"].filter((kind) => body().querySelector(`[data-ring=${kind}]:not(.is-hushed)`));
  const { on } = settings();
  if (on) {
    open(tell);
    if (isAudible()) standForRinger();
  }
  ring(on && isRinger ? kinds : []);
  const count = Number(body().dataset.new) + Number(body().dataset.cancelled);
  const wanted = count ? `(${count}) ${title}` : title;
  if (document.title !== wanted) document.title = wanted;
  showIcon(count);
  showSound(on);
  showBlocked();
}

/**
 * Of all tabs of a browser one rings: whoever holds the lock, and only a tab that can be heard asks for it. A browser without
 * locks (no https) rings in every tab: better twice than not at all.
 */
function standForRinger() {
  if (stands) return;
  stands = true;
  if (!navigator.locks) {
    isRinger = true;
    return;
  }
  navigator.locks.request(lockName, () => {
    isRinger = true;
    tell();
    return new Promise(() => {});
  });
}
const lockName = `ringer ${bell.dataset.company}`;

async function othersRing() {
  if (!navigator.locks) return false;
  return (await navigator.locks.query()).held.some((lock) => lock.name === lockName);
}

async function showBlocked() {
  // A browser that may make a sound needs a moment to begin.
  if (isBlocked()) await new Promise((resolve) => { setTimeout(resolve, BLOCKED_AFTER_MS); });
  element("bell-blocked").hidden = !settings().on || !isBlocked() || (await othersRing());
}

function showSound(on) {
  const menu = element("sound");
  menu.classList.toggle("is-off", !on);
  const summary = menu.querySelector("summary");
  summary.title = on ? menu.dataset.on : menu.dataset.off;
  summary.setAttribute("aria-label", summary.title);
}

function showIcon(count) {
  const number = count > 99 ? "99" : String(count);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#a3111f"/><text x="16" y="24" font-family="sans-serif" font-size="${number.length > 1 ? 20 : 24}" font-weight="700" fill="#fff" text-anchor="middle">${number}</text></svg>`;
  const wanted = count ? `data:image/svg+xml,${encodeURIComponent(svg)}` : plainIcon;
  if (icon.href !== wanted) icon.href = wanted;
}

const idsOf = (alarms) => alarms.dataset.alarms.split(" ");

// -- what a person does --------------------------------------------------------------------------------------------------

bell.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const sent = postForm(form, event.submitter);
  for (const button of form.querySelectorAll("button")) button.disabled = true;
  // Silent at once for whoever pressed; where the server does not hear of it, it rings again.
  form.removeAttribute("data-ring");
  tell();
  await sent.catch(() => {});
  drawn = "";
  lookSoon();
});

bell.addEventListener("click", (event) => {
  if (event.target.closest("[data-hush]")) {
    keepHere(HUSHED, idsOf(event.target.closest("[data-alarms]")));
    tell();
    element("main").focus({ preventScroll: true });
  }
  if (event.target.closest("#bell-reload")) location.reload();
});

element("sound-on").addEventListener("change", (event) => { change({ on: event.target.checked }); tell(); });
element("sound-volume").addEventListener("input", (event) => change({ volume: Number(event.target.value) }));
element("sound").addEventListener("click", (event) => {
  const kind = event.target.closest("[data-try]")?.dataset.try;
  if (kind) tryOut(kind);
});

// Any press lets the sound through; the button is for whoever reads why it is silent.
for (const name of ["pointerdown", "pointerup", "keydown"]) addEventListener(name, () => { if (!isAudible()) unblock(); }, { passive: true });

/** Another tab of this device has changed what is kept. */
addEventListener("storage", () => { fill(); followVolume(); tell(); });

function fill() {
  const { on, volume } = settings();
  element("sound-on").checked = on;
  element("sound-volume").value = volume;
}

addEventListener("frame", (event) => hear(event.detail));
addEventListener("gathering", lookAlong);
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookSoon(); });
addEventListener("pageshow", (event) => { if (event.persisted) lookSoon(); });
setInterval(keepLooking, 2_000);
// Pages end above it.
new ResizeObserver(() => document.documentElement.style.setProperty("--bell", `${bell.offsetHeight}px`)).observe(bell);
fill();
tell();
lookSoon();
