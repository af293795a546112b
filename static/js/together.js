// What a page wants at the same moment, in one request: whoever asks for a piece of it asks the others whether they want
// something too. Where the page names no address for that, each piece is asked for by itself.

import { getIfChanged, getJson, page } from "./dom.js";

// These are counted. Where that fails or takes its time they are asked for apart: no order and no bell waits for a figure.
const COUNTED = new Set(["panels", "chart"]);
const APART_MS = 60_000;

let wanted = null;
let apartUntil = -Infinity;

/**
 * Fetch a piece of this page as `getIfChanged` does, in one request with what else is wanted: the event `gathering`, whose
 * detail is the name of the piece, has others ask within it.
 */
export function getTogether(name, path, tag = "") {
  if (!page.together) return getIfChanged(path, tag);
  return new Promise((resolve, reject) => {
    const piece = { name, path, tag, resolve, reject };
    if (wanted) {
      wanted.push(piece);
      return;
    }
    wanted = [piece];
    dispatchEvent(new CustomEvent("gathering", { detail: name }));
    const pieces = wanted;
    wanted = null;
    send(pieces);
  });
}

function send(pieces) {
  const counted = pieces.filter((piece) => COUNTED.has(piece.name));
  const others = pieces.filter((piece) => !COUNTED.has(piece.name));
  const groups = performance.now() < apartUntil ? [others, counted] : [pieces];
  for (const group of groups) if (group.length) fetchAll(group);
}

async function fetchAll(pieces) {
  let isHeldUp = true;
  try {
    const { pieces: told, isSlow } = await ask(pieces);
    isHeldUp = isSlow;
    for (const piece of pieces) piece.resolve(told[piece.name]);
  } catch (error) {
    for (const piece of pieces) piece.reject(error);
  }
  if (isHeldUp && pieces.some((piece) => COUNTED.has(piece.name))) apartUntil = performance.now() + APART_MS;
}

async function ask(pieces) {
  if (pieces.length === 1) {
    const [{ name, path, tag }] = pieces;
    return { pieces: { [name]: await getIfChanged(path, tag) }, isSlow: false };
  }
  const query = new URLSearchParams();
  for (const { name, path, tag } of pieces) {
    query.set(name, new URL(path, location.href).search.slice(1));
    if (tag) query.set(`${name}-tag`, tag);
  }
  return getJson(`${page.together}?${query}`);
}
