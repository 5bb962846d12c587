/** Parallel coordinates: a line for each row over its main metric and its costs, the better value always further up. */

import { given, metricNamed, table } from "./data.js";
import { afterPaint, byId, later } from "./dom.js";
import { show } from "./format.js";
import { whyNot } from "./limits.js";
import { mainOf } from "./rules.js";
import { heightsOf } from "./scales.js";
import { onChange, state } from "./state.js";
import { rowsShown } from "./table.js";

const MOST_LINES = 200;
const TOP = 64;
const HEIGHT = 260;
const BOTTOM = 30;
const LEAST_APART = 104; // pixels between two axes
const NAME_HEIGHT = 14;

const svg = (tag, attributes, ...children) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

const measuredOf = (row, name) => table.metrics[name]?.[row] ?? null;

/** Return the metrics that the rows differ in, the main one first, each with the height of a value. */
const axesOf = (rows) => {
  const main = mainOf(state.view).name;
  const names = [main, ...given.chart.costs.filter((name) => name !== main)];
  const found = [];
  for (const name of names) {
    const values = rows.map((row) => measuredOf(row, name)).filter((value) => value !== null);
    if (new Set(values).size < 2) continue;
    const metric = metricNamed[name];
    found.push({ name, metric, values, heightOf: heightsOf(values, metric.lower, given.chart.logarithmic.includes(name)) });
  }
  return found;
};

/** Return the words of a label in lines of at most so many letters. */
const linesOf = (text, most) => {
  const lines = [];
  for (const word of text.split(" ")) {
    if (lines.length > 0 && `${lines.at(-1)} ${word}`.length <= most) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
};

const axisParts = ({ metric, values }, x) => {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [best, worst] = metric.lower ? [low, high] : [high, low];
  const lines = linesOf(metric.label, 14);
  return [
    svg("line", { class: "axis", x1: x, x2: x, y1: TOP, y2: TOP + HEIGHT }),
    ...lines.map((text, number) => svg("text", { class: "axis-name", x, y: TOP - 26 - 14 * (lines.length - 1 - number) }, text)),
    svg("text", { class: "axis-end", x, y: TOP - 8 }, show(metric, best)),
    svg("text", { class: "axis-end", x, y: TOP + HEIGHT + 18 }, show(metric, worst)),
  ];
};

const lineText = (row, axes) => `${table.label[row]}: ${axes.map(({ name, metric }) => `${metric.words} ${show(metric, measuredOf(row, name))}`).join(", ")}`;

/** Return the line of a row: broken where a value is missing, with a point for each value. */
const lineOf = (row, axes, places) => {
  const points = axes.map(({ name, heightOf }, number) => {
    const value = measuredOf(row, name);
    return value === null ? null : [places[number], TOP + HEIGHT * (1 - heightOf(value))];
  });
  const path = points.map((point, number) => (point === null ? "" : `${points[number - 1] ? "L" : "M"}${point.map((one) => one.toFixed(1)).join(" ")}`)).join("");
  const ruledOut = whyNot(row) !== "";
  const text = lineText(row, axes) + (ruledOut ? "; does not meet the limits" : "");
  const kinds = ["line", table.tied[row] ? "tied" : "", ruledOut ? "dimmed" : ""].filter(Boolean).join(" ");
  const dots = points.filter(Boolean).map(([x, y]) => svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 3 }));
  const line = svg("g", { class: kinds, role: "img", tabindex: "-1", "aria-label": text, "data-row": row }, svg("path", { class: "near", d: path }), svg("path", { d: path }), ...dots);
  for (const kind of ["pointerenter", "focus"]) line.addEventListener(kind, () => say(line, text));
  for (const kind of ["pointerleave", "blur"]) line.addEventListener(kind, () => say(null, ""));
  return line;
};

/** Mark one line, and write its name and values below the picture. */
const say = (line, text) => {
  const picture = byId("lines");
  for (const marked of picture.querySelectorAll(".line.on")) marked.classList.remove("on");
  picture.classList.toggle("marked", line !== null);
  line?.classList.add("on");
  byId("line-text").textContent = text || "Point at a line, or go to one with Tab and the arrow keys, to read its name and values.";
};

/** Return names next to the first axis: from the best row on those that have room. */
const namesOf = (rows, axis, x) => {
  const taken = [];
  const found = [];
  for (const row of rows) {
    const value = measuredOf(row, axis.name);
    if (value === null || whyNot(row) !== "") continue;
    const y = TOP + HEIGHT * (1 - axis.heightOf(value)) + 4;
    if (taken.some((other) => Math.abs(other - y) < NAME_HEIGHT)) continue;
    taken.push(y);
    const name = table.label[row];
    found.push(svg("text", { class: "row-name", x: x - 9, y }, name.length > 18 ? `${name.slice(0, 17)}…` : name));
  }
  return found;
};

const drawParallel = () => {
  const section = byId("parallel");
  const rows = state.view === "" ? [] : rowsShown().filter((row) => table.view[row] === state.view).slice(0, MOST_LINES);
  const axes = state.view === "" ? [] : axesOf(rows);
  section.hidden = axes.length < 2;
  if (axes.length < 2) return;
  const picture = byId("lines");
  const left = 24 + 7 * Math.min(18, Math.max(...rows.map((row) => table.label[row].length)));
  const right = 52;
  const width = Math.max(picture.parentElement.clientWidth - 2, left + right + LEAST_APART * (axes.length - 1));
  const places = axes.map((_, number) => left + ((width - left - right) * number) / (axes.length - 1));
  const lines = rows.map((row) => lineOf(row, axes, places));
  lines[0].setAttribute("tabindex", "0");
  const label = `${rows.length} rows over ${axes.map(({ metric }) => metric.words).join(", ")}, the better value further up`;
  picture.replaceChildren(
    svg("svg", { width, height: TOP + HEIGHT + BOTTOM, viewBox: `0 0 ${width} ${TOP + HEIGHT + BOTTOM}`, role: "group", "aria-label": label }, ...axes.flatMap((axis, number) => axisParts(axis, places[number])), ...lines, ...namesOf(rows, axes[0], left)),
  );
  const more = rowsShown().length - rows.length;
  byId("lines-left").textContent = more > 0 ? `The first ${rows.length} rows, in the order of the table; ${more} more are left out.` : "";
  say(null, "");
};

/** Go from line to line with the arrow keys: one of them is in the order of Tab. */
const goOn = (event) => {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const lines = [...byId("lines").querySelectorAll(".line")];
  const here = lines.indexOf(document.activeElement);
  const next = lines[(here + step + lines.length) % lines.length];
  for (const line of lines) line.setAttribute("tabindex", line === next ? "0" : "-1");
  next.focus();
};

export const startParallel = () => {
  if (byId("parallel") === null || given.chart === null) return;
  const follow = afterPaint(drawParallel); // the table first
  onChange((names) => names.some((name) => !["zoom", "pair", "x", "y", "log", "columns", "density", "baseline"].includes(name)) && follow());
  byId("lines").addEventListener("keydown", goOn);
  addEventListener("resize", later(drawParallel, 100));
  drawParallel();
};
