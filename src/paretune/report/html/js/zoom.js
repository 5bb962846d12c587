/** Zoom and position of the chart: by mouse, by buttons and by keys, kept in the state. */

import { byId, later } from "./dom.js";
import { change, state } from "./state.js";

const STEP = 1.5;
const SHARE = 0.15;
const SIDES = ["x", "y"];
let seen = null; // the view of Vega
let isLog = { x: false, y: false };

const signalOf = (side) => `zoom_${side}_value`;
const domains = () => SIDES.map((side) => seen.scale(side).domain());

/** Return an interval with both ends moved: `grow` is how far apart they come, `shift` how far they move, in its lengths. */
const moved = ([low, high], logarithmic, grow, shift) => {
  const [a, b] = logarithmic ? [Math.log(low), Math.log(high)] : [low, high];
  const [middle, half] = [(a + b) / 2 + shift * (b - a), (grow * (b - a)) / 2];
  return logarithmic ? [Math.exp(middle - half), Math.exp(middle + half)] : [middle - half, middle + half];
};

const set = async (ends) => {
  SIDES.forEach((side, place) => seen.signal(signalOf(side), ends === null ? null : ends[place]));
  await seen.runAsync();
};

const move = (grow, shifts = [0, 0]) => {
  if (seen !== null) set(domains().map((domain, place) => moved(domain, isLog[SIDES[place]], grow, shifts[place])));
};

const KEYS = {
  "+": () => move(1 / STEP),
  "=": () => move(1 / STEP),
  "-": () => move(STEP),
  0: () => seen && set(null),
  ArrowLeft: () => move(1, [-SHARE, 0]),
  ArrowRight: () => move(1, [SHARE, 0]),
  ArrowUp: () => move(1, [0, SHARE]),
  ArrowDown: () => move(1, [0, -SHARE]),
};

/** Let a newly drawn chart have the zoom of the state; `redraw` is called a moment after each change of it. */
export const zoomWith = async (view, logarithmic, redraw) => {
  seen = view;
  isLog = { x: logarithmic, y: false };
  if (state.zoom !== null) await set([state.zoom.slice(0, 2), state.zoom.slice(2)]);
  const keep = later(() => {
    if (seen !== view) return;
    const ends = SIDES.map((side) => view.signal(signalOf(side)));
    change({ zoom: ends.every((end) => Array.isArray(end) && end.length === 2) ? ends.flat() : null });
    redraw();
  }, 150);
  for (const side of SIDES) view.addSignalListener(signalOf(side), keep);
};

export const startZoom = (chart) => {
  byId("zoom-in").addEventListener("click", KEYS["+"]);
  byId("zoom-out").addEventListener("click", KEYS["-"]);
  byId("zoom-none").addEventListener("click", KEYS[0]);
  chart.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(KEYS, event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    KEYS[event.key]();
  });
};
