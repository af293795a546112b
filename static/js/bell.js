// What must not be missed, on every page: what rings is asked of the server, heard, counted in the title, and acknowledged for
// all devices at once.

import { getPage, keepHere, kept, postForm, released, SessionEnded } from "./dom.js";
import { change, followVolume, isAudible, isBlocked, open, ring, settings, tryOut, unblock } from "./sound.js";

const PAUSE_MS = 1_000;
const LOOK_MS = 60_000;
const LOOK_UNHEARD_MS = 10_000;
const SILENT_MS = 45_000;
const BLOCKED_AFTER_MS = 500;
const HUSHED = "hushed";

const bell = document.getElementById("bell");
const body = () => document.getElementById("bell-body");
const element = (id) => document.getElementById(id);
const icon = document.querySelector("link[rel=icon]");
const title = document.title;
const plainIcon = icon.href;

// -- what rings: asked for, never counted here ---------------------------------------------------------------------------

let due = 0;
let looking = false;
let again = false;
let ended = false;
let heardAt = 0;
let lookedAt = -Infinity;

/** Look what rings: at once, and in a rush once a second. */
function lookSoon() {
  if (ended) return;
  due ||= setTimeout(look, Math.max(0, lookedAt + PAUSE_MS - performance.now()));
}

async function look() {
  due = 0;
  if (looking) {
    again = true;
    return;
  }
  looking = true;
  lookedAt = performance.now();
  try {
    const fresh = (await getPage(bell.dataset.url)).getElementById("bell-body");
    if (fresh) await show(fresh);
  } catch (error) {
    // What rang rings on: nobody has said that it may be silent.
    if (error instanceof SessionEnded) ended = true;
    lookedAt = performance.now() - LOOK_MS + LOOK_UNHEARD_MS;
  } finally {
    looking = false;
    if (again) lookSoon();
    again = false;
  }
}

async function show(fresh) {
  element("bell-newer").hidden = fresh.dataset.build === bell.dataset.build;
  // The token is another one in every answer, and nothing to see.
  const shape = (root) => root.outerHTML.replaceAll(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
  if (shape(fresh) === drawn) return;
  await released();
  drawn = shape(fresh);
  const active = body().contains(document.activeElement) ? document.activeElement.id : "";
  body().replaceWith(fresh);
  if (active) element(active)?.focus({ preventScroll: true });
  tell();
}
let drawn = "";

/** Look again every now and then: often while no frame comes that would tell. */
function keepLooking() {
  const unheard = performance.now() - heardAt > SILENT_MS;
  if (performance.now() - lookedAt > (unheard ? LOOK_UNHEARD_MS : LOOK_MS)) lookSoon();
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

addEventListener("frame", (event) => {
  heardAt = performance.now();
  if (event.detail.seq === undefined ? event.detail.type === "alert" : event.detail.type !== "ping") lookSoon();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) lookSoon(); });
addEventListener("pageshow", (event) => { if (event.persisted) lookSoon(); });
setInterval(keepLooking, 2_000);
// Pages end above it.
new ResizeObserver(() => document.documentElement.style.setProperty("--bell", `${bell.offsetHeight}px`)).observe(bell);
fill();
tell();
lookSoon();
