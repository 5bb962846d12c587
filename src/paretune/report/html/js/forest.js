/** The forest plot: the difference of each row's main metric to that of one row, with its interval. */

import { given, metricNamed, table, unpack } from "./data.js";
import { afterPaint, byId, element, option } from "./dom.js";
import { differenceUnit, signed } from "./format.js";
import { whyNot } from "./limits.js";
import { mainOf } from "./rules.js";
import { ticksOf } from "./scales.js";
import { change, onChange, state } from "./state.js";
import { rowsShown } from "./table.js";

const MOST_COMPARED = 60;
let views = {};

/** Return [difference, low, high] of a row less a baseline, from what Python computed; null without any. */
const apartOf = ({ rows, apart }, row, baseline) => {
  const [one, other] = [rows.indexOf(row), rows.indexOf(baseline)];
  if (one < 0 || one === other) return null;
  if (one > other) return apart[other][one - other - 1];
  const [value, low, high] = apart[one][other - one - 1];
  return [-value, -high, -low];
};

/** Return whether one row is significantly better than another with p-values adjusted for all pairs. */
const isBetter = (one, other) => {
  const runs = given.fit.views[state.view]?.better[given.fit.place[other]] ?? [];
  const place = given.fit.place[one];
  for (let number = 0; number < runs.length; number += 2) if (place >= runs[number] && place < runs[number] + runs[number + 1]) return true;
  return false;
};

const baselinesOf = (view) => view.rows.slice(0, view.apart.length);
const chosenBaseline = (view) => baselinesOf(view).find((row) => table.label[row] === state.baseline) ?? view.rows[0];

const captionText = (view, baseline) => {
  const main = mainOf(state.view);
  const name = table.label[baseline];
  const each = main.items.replace(/s$/, "");
  const alone = view.num_pairs === 1 ? "" : ` Each interval is for its pair alone: use it if this is the one pair that you meant to compare. The last column is corrected for all ${view.num_pairs} pairs of rows (Holm), as is a filled point: use it if you picked the pair from the results.`;
  const limited = view.apart.length < view.rows.length ? ` With so many rows the page holds the differences to ${view.apart.length} of them; for others: paretune compare.` : "";
  const apart = given.fit.views[state.view]?.across ? " These rows were recorded under different settings." : "";
  return `${main.label} of each row minus that of ${name}, with its 95% interval, as paretune compare gives it${view.paired ? `, paired by ${each}` : `; unpaired where the answers to single ${main.items} are not known`}. ${main.lower ? "Left" : "Right"} of the line is better than ${name}.${alone}${limited}${apart}`;
};

const at = (share) => ({ style: `left:${share.toFixed(2)}%` });

/** Return the picture of one row; places are in per cent of the axis. */
const intervalPicture = ([value, low, high], place, ticks, sure) => {
  const lines = ticks.map((tick) => element("span", { className: tick === 0 ? "tick zero" : "tick", ...at(place(tick)) }));
  const bar = element("i", { style: `left:${place(low).toFixed(2)}%;width:${(place(high) - place(low)).toFixed(2)}%` });
  return element("span", { className: "effect", "aria-hidden": "true" }, ...lines, bar, element("b", { className: sure ? "sure" : "", ...at(place(value)) }));
};

const differenceHead = (metric, ticks, place, several) => {
  const unit = differenceUnit(metric);
  const labels = ticks.map((tick) => element("span", at(place(tick)), signed(metric, tick).replace(/^\+0(\.0+)?$/, "0").replace(/\.0$/, "")));
  const heard = element("span", { className: "heard" }, "Difference and interval, drawn");
  const axis = element("th", { scope: "col" }, heard, element("span", { className: "effect scale", "aria-hidden": "true" }, ...labels));
  const names = [`Difference${unit ? `, ${unit}` : ""}`, ...(several ? ["Corrected for all pairs"] : [])];
  return element("tr", {}, element("th", { scope: "col" }, "Method"), axis, ...names.map((name) => element("th", { scope: "col" }, name)));
};

const differenceRow = ({ row, apart }, baseline, place, ticks, several) => {
  const metric = mainOf(state.view);
  const verdict = isBetter(row, baseline) ? "better" : isBetter(baseline, row) ? "worse" : "not significant";
  const [value, low, high] = apart.map((one) => signed(metric, one));
  const made = element(
    "tr",
    { dataset: { row: String(row) } },
    element("th", { scope: "row" }, table.label[row]),
    element("td", {}, intervalPicture(apart, place, ticks, verdict !== "not significant")),
    element("td", { className: "number" }, value, element("span", { className: "extra" }, `${low} to ${high}`)),
    several ? element("td", {}, verdict) : null,
  );
  made.classList.toggle("ruled-out", whyNot(row) !== "");
  return made;
};

const drawForest = () => {
  const view = views[state.view];
  byId("forest").hidden = !view;
  if (!view) return;
  const baseline = chosenBaseline(view);
  const choices = baselinesOf(view).sort((one, other) => one - other);
  byId("baseline").replaceChildren(...choices.map((row) => option(table.label[row], table.label[row], row === baseline)));
  byId("forest-caption").textContent = captionText(view, baseline);
  const wanted = rowsShown().filter((row) => row !== baseline);
  const found = wanted.map((row) => ({ row, apart: apartOf(view, row, baseline) })).filter(({ apart }) => apart !== null);
  const drawn = found.slice(0, MOST_COMPARED);
  const ends = drawn.flatMap(({ apart }) => apart);
  const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = 0.04 * (most - least || 1);
  const [low, high] = [least - room, most + room];
  const place = (value) => (100 * (value - low)) / (high - low);
  const metric = metricNamed[mainOf(state.view).name];
  const ticks = ticksOf(low, high);
  const several = view.num_pairs > 1;
  const [head, body] = [byId("differences").tHead, byId("differences").tBodies[0]];
  head.replaceChildren(differenceHead(metric, ticks, place, several));
  body.replaceChildren(...drawn.map((one) => differenceRow(one, baseline, place, ticks, several)));
  const without = wanted.filter((row) => apartOf(view, row, baseline) === null).map((row) => table.label[row]);
  const texts = [
    found.length > drawn.length ? `The first ${drawn.length} of ${found.length} rows, in the order of the table.` : "",
    without.length > 0 ? `Not shown (no result to compare): ${without.join(", ")}.` : "",
    drawn.length === 0 ? "The table shows no row to compare." : "",
  ];
  byId("forest-left").textContent = texts.filter(Boolean).join(" ");
};

export const startForest = async () => {
  if (byId("forest") === null) return;
  views = await unpack(given.differences);
  byId("baseline").addEventListener("change", (event) => change({ baseline: event.target.value }));
  const follow = afterPaint(drawForest); // the table first
  onChange((names) => {
    if (names.includes("baseline")) drawForest();
    else if (names.some((name) => !["zoom", "pair", "x", "y", "log", "columns", "density"].includes(name))) follow();
  });
  drawForest();
};
