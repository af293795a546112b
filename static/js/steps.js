// Moving an order: one click for the step forward, a dialog for what needs a reason or a number.

import { capital, locale, postJson, Refused, SessionEnded, showEnded, toast, words } from "./dom.js";

/** What is no step of the status, and has a door of its own. */
const DOORS = {
  "prep-time": (order) => `/api/orders/${order}/prep-time`,
  settle: (order) => `/api/orders/${order}/settle`,
  sync: (order) => `/api/integration/sync-order/${order}`,
};
/** By order, the step that is being taken, until the page shows what came of it. */
const underWay = new Map();
const dialog = document.getElementById("ask");
const field = (name) => dialog.querySelector(`[name=${name}]`);

/** Answer clicks on steps below `root`; `moved(orderId)` is called when an order is to be shown anew. */
export function startSteps(root, moved) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-step]");
    if (!button || button.disabled) return;
    const { step, order, asks, reason } = button.dataset;
    button.closest("details")?.removeAttribute("open");
    const more = asks ? await ask(button, asks) : reason ? { reason } : {};
    if (more) await take(root, order, step, more, moved);
  });
}

async function take(root, order, status, more, moved) {
  const wanted = JSON.stringify([status, more]);
  while (underWay.has(order)) {
    const before = underWay.get(order);
    // The same once more is a second press; another step follows the one before.
    if (before.wanted === wanted) return;
    await before.ended;
  }
  let end;
  underWay.set(order, { wanted, ended: new Promise((resolve) => { end = resolve; }) });
  const wasInside = root.contains(document.activeElement);
  const lock = (on) => root.querySelectorAll(`[data-step][data-order="${order}"]`).forEach((each) => {
    each.disabled = on;
    each.setAttribute("aria-busy", on);
  });
  lock(true);
  try {
    const answer = DOORS[status]
      ? await postJson(DOORS[status](order), more)
      : await postJson(`/api/orders/${order}/status`, { status, ...more });
    if (status === "sync") toast(words(answer.data.push.status === "sent" ? "told" : "untold"));
    await moved(order);
  } catch (error) {
    if (error instanceof SessionEnded) showEnded();
    else if (error instanceof Refused) await explain(error, order, moved);
    else toast(words("failed"));
  } finally {
    underWay.delete(order);
    end();
    lock(false);
    // A disabled button loses the focus; whoever works with the keyboard goes on where they were.
    if (wasInside && document.activeElement === document.body) {
      document.getElementById(`step-${order}`)?.focus({ preventScroll: true });
    }
  }
}

const oneOf = new Intl.ListFormat(locale, { type: "disjunction" });

/** Return why the server refused; where the order has moved meanwhile, with the steps that it can take now. */
export function refusal(error) {
  if (error.body.error !== "invalid_transition") return error.message;
  const allowed = Object.values(error.body.details ?? {}).flat().filter((each) => typeof each === "string");
  const steps = (error.body.details?.allowed ?? allowed).map((each) => words(`status${capital(each)}`));
  return `${error.message} ${steps.length ? words("allowed", { steps: oneOf.format(steps) }) : words("nothingAllowed")}`;
}

async function explain(error, order, moved) {
  toast(refusal(error));
  if ([404, 409, 502].includes(error.status)) await moved(order).catch(() => {});
}

/** Ask for a reason or for minutes; return what to send with the step, or null where the person went back. */
function ask(button, kind) {
  const label = button.textContent.trim().replace(/…$/, "");
  const row = button.closest("[data-label]");
  dialog.querySelector("h2").textContent = label;
  dialog.querySelector(".ask-order").textContent = row?.dataset.label ?? "";
  const yes = document.getElementById("ask-yes");
  yes.textContent = label;
  yes.className = kind === "reason" ? "danger" : "primary";
  for (const part of dialog.querySelectorAll("[data-for]")) {
    const wanted = part.dataset.for === kind;
    part.hidden = !wanted;
    part.querySelector("input").value = "";
    part.querySelector("input").required = wanted;
  }
  offerReasons(kind === "reason" ? button.dataset.reasons : null);
  dialog.returnValue = "";
  dialog.showModal();
  (dialog.querySelector(`[data-for=${kind}] :is(select, input):not([hidden], [hidden] *)`) ?? field(kind)).focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue !== "yes") resolve(null);
      else if (kind === "reason") resolve({ reason: ownWords() ? field("reason").value.trim() : field("code").value });
      else resolve({ prepMinutes: Number(field("minutes").value) });
    }, { once: true });
  });
}

/** Offer the reasons of a list, and words where the provider takes them; words alone for the list "". Null asks for none. */
function offerReasons(name) {
  const list = [...dialog.querySelectorAll("template[data-reasons]")].find((each) => each.dataset.reasons === name);
  const code = field("code");
  code.replaceChildren(...(list ? list.content.cloneNode(true).children : []));
  code.required = code.length > 0;
  show("codes", code.length > 0);
  show("untold", list && !code.length);
  wantWords(name !== null && ownWords());
}

function show(name, wanted) {
  for (const part of dialog.querySelectorAll(`[data-part-of=${name}]`)) part.hidden = !wanted;
}

const ownWords = () => !field("code").length || "words" in field("code").selectedOptions[0].dataset;

function wantWords(wanted) {
  show("words", wanted);
  field("reason").required = wanted;
}

field("code").addEventListener("change", () => wantWords(ownWords()));

dialog.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-pick]");
  if (pick) {
    const input = pick.closest("[data-for]").querySelector("input");
    input.value = pick.dataset.pick;
    input.focus();
  }
  if (event.target === dialog) dialog.close("no");
});
