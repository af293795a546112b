// The sounds, made here sample by sample: one for a new order, one for a cancellation, one for a critical alarm. Whatever rings
// is one loop of the audio hardware, so that a page in the background, whose timers sleep, does not fall silent.

import { keepHere, kept } from "./dom.js";

const STORE = "sound";
const FADE_S = 0.012;
const REST_S = 18;
// [frequency in Hz, start in s, length in s]; `period` is how long until it comes again.
const PATTERNS = {
  // Rises, twice: come here.
  new: { period: 4, wave: bell, notes: [[784, 0, 0.5], [1_047, 0.18, 0.5], [1_568, 0.36, 0.9], [784, 1.2, 0.5], [1_047, 1.38, 0.5], [1_568, 1.56, 1.2]] },
  // Falls, harsh: stop.
  cancelled: { period: 5, wave: buzz, notes: [[740, 0, 0.28], [554, 0.32, 0.28], [370, 0.64, 0.6], [740, 1.5, 0.28], [554, 1.82, 0.28], [370, 2.14, 0.6]] },
  // Two tones in turn, then a long rest: somebody has to look, but nothing burns.
  alarm: { period: 20, wave: buzz, notes: [0, 1, 2, 3, 4, 5].map((n) => [n % 2 ? 1_319 : 988, n * 0.22, 0.2]) },
};

/** A struck bell: overtones that die away. */
function bell(frequency, t, length) {
  const at = 2 * Math.PI * frequency * t;
  return (Math.sin(at) + 0.5 * Math.sin(2 * at) * Math.exp(-6 * t) + 0.3 * Math.sin(3 * at) * Math.exp(-9 * t)) * Math.exp((-3.5 * t) / length) * 0.72;
}

/** A buzzer: odd overtones, as long as it lasts. */
function buzz(frequency, t) {
  const at = 2 * Math.PI * frequency * t;
  return (Math.sin(at) + Math.sin(3 * at) / 3 + Math.sin(5 * at) / 5) * 1.2;
}

/** Return how loud it is on this device, and whether it is on at all. */
export function settings() {
  const { on, volume } = kept(STORE, {});
  return { on: on !== false, volume: volume >= 10 && volume <= 100 ? volume : 80 };
}

export function change(wanted) {
  keepHere(STORE, { ...settings(), ...wanted });
  followVolume();
}

export function followVolume() {
  if (output) output.gain.value = loudness();
}

// Ears hear by powers: half of the slider is half as loud.
const loudness = () => (settings().volume / 100) ** 2;

let context = null;
let output = null;
let loop = null;
let playing = "";

/** Open the way to the loudspeaker; whether the browser lets anything through is told by `isAudible`. */
export function open(changed) {
  if (context || !window.AudioContext) return;
  context = new AudioContext();
  output = context.createGain();
  output.gain.value = loudness();
  output.connect(context.destination);
  context.addEventListener("statechange", changed);
}

export const isAudible = () => context?.state === "running";
export const isBlocked = () => Boolean(context) && !isAudible();

/** Ask the browser to let the sound through: it does so while somebody presses something. */
export const unblock = () => context?.resume().catch(() => {});

/** Return what is played one after the other, as [kind, seconds]. The rest after an alarm is filled with what waits beside it. */
function score(kinds) {
  const others = kinds.filter((kind) => kind !== "alarm").map((kind) => [kind, PATTERNS[kind].period]);
  if (others.length === kinds.length) return others;
  if (!others.length) return [["alarm", PATTERNS.alarm.period]];
  const rounds = Math.floor(REST_S / total(others));
  return [["alarm", PATTERNS.alarm.period - REST_S + 0.5], ...Array(rounds).fill(others).flat()];
}

const total = (played) => played.reduce((sum, [, seconds]) => sum + seconds, 0);

function buffer(kinds) {
  const rate = context.sampleRate;
  const played = score(kinds);
  const made = context.createBuffer(1, Math.round(total(played) * rate), rate);
  const samples = made.getChannelData(0);
  let begin = 0;
  for (const [kind, seconds] of played) {
    for (const [frequency, start, lasts] of PATTERNS[kind].notes) draw(samples, PATTERNS[kind].wave, frequency, begin + start, lasts, rate);
    begin += seconds;
  }
  return made;
}

function draw(samples, wave, frequency, start, lasts, rate) {
  const first = Math.round(start * rate);
  for (let index = 0; index < lasts * rate; index += 1) {
    const t = index / rate;
    const fade = Math.min(1, t / FADE_S, (lasts - t) / FADE_S);
    samples[first + index] += wave(frequency, t, lasts) * fade * 0.8;
  }
}

function start(kinds, repeats) {
  const source = context.createBufferSource();
  source.buffer = buffer(kinds);
  source.loop = repeats;
  source.connect(output);
  source.start();
  return source;
}

/** Let these kinds be heard in turn until others are named; none for silence. */
export function ring(kinds) {
  const wanted = isAudible() ? kinds.join() : "";
  if (wanted === playing) return;
  loop?.stop();
  loop = wanted ? start(kinds, true) : null;
  playing = wanted;
}

/** Let one kind be heard once. */
export async function tryOut(kind) {
  open(() => {});
  await unblock();
  if (isAudible()) start([kind], false);
}
