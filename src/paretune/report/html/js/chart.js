/** The chart: any two metrics of the rows of the chosen task, with their Pareto front. */

import { given, metricNamed, numRows, table } from "./data.js";
import { byId } from "./dom.js";
import { placeNames } from "./labels.js";
import { chartColours } from "./colours.js";
import { chosenFront, chosenX, chosenY, isUsualPair, pairWords } from "./front.js";
import { probability, show, span } from "./format.js";
import { whyNot } from "./limits.js";
import { Z_95 } from "./rules.js";
import { change, onChange, state } from "./state.js";
import { startZoom, zoomWith } from "./zoom.js";

const MOST_NAMED = 400;
const RULED_OUT = 0.15;
let drawing = Promise.resolve();
let drawn = null; // the view of Vega that is seen
let heading = "";

/** Return the ends of a value's 95% interval: of the main metric, and of what has a standard error; else nulls. */
const endsOf = (row, name) => {
  if (name === table.quality[row]) return [table.low[row], table.high[row]];
  const [value, error] = [table.metrics[name][row], table.errors[name]?.[row] ?? null];
  return error === null ? [null, null] : [value - Z_95 * error, value + Z_95 * error];
};

const valueText = (name, value, [low, high]) => show(metricNamed[name], value) + (low === null ? "" : ` (${span(metricNamed[name], low, high, " to ")})`);

/** Return whether probabilities of the front are known for the chosen pair in a task. */
const isProbable = (view) => isUsualPair() && given.chart.views[view].probable.includes(chosenX());

const standingOf = (row, isOnFront, ruledOut) => {
  const share = table.shares[row][chosenX()] ?? 0;
  const known = isProbable(table.view[row]) && !table.below_floor[row];
  const front = known ? `on the front: ${probability(share)}` : isOnFront ? "on the front" : table.below_floor[row] ? "left out of the front" : "not on the front";
  return [table.tied[row] ? "tied for best" : "", front, ruledOut ? "does not meet the limits" : ""].filter(Boolean).join(", ");
};

const pointOf = (row, x, y, front) => {
  const [across, up] = [x, y].map((name) => table.metrics[name]?.[row] ?? null);
  if (across === null || up === null) return null;
  const [ends, heights] = [endsOf(row, x), endsOf(row, y)];
  const [isOnFront, ruledOut] = [front.has(row), whyNot(row) !== ""];
  const share = isUsualPair() ? (table.shares[row][x] ?? Number(isOnFront)) : Number(isOnFront);
  const [label, standing] = [table.label[row], standingOf(row, isOnFront, ruledOut)];
  const [acrossText, upText] = [valueText(x, across, ends), valueText(y, up, heights)];
  return {
    row, label, view: table.view[row],
    x_value: across, x_text: acrossText, x_low: ends[0], x_high: ends[1],
    y_value: up, y_text: upText, y_low: heights[0], y_high: heights[1],
    front: isOnFront,
    tied: Boolean(table.tied[row]),
    shade: ruledOut ? RULED_OUT : 0.35 + 0.65 * share,
    ruled_out: ruledOut,
    standing,
    text: `${label}: ${metricNamed[y].words} ${upText}, ${metricNamed[x].words} ${acrossText}; ${standing}`,
    corner: "",
  };
};

/** Return what the chart shows for the state: metrics, points, and the rows that it has no point of. */
const pictureOf = () => {
  const x = chosenX();
  const inside = Array.from({ length: numRows }, (_, row) => row).filter((row) => state.view === "" || table.view[row] === state.view);
  const whole = (row) => [x, chosenY(row)].every((name) => (table.metrics[name]?.[row] ?? null) !== null);
  const y = chosenY(inside.find(whole) ?? inside[0]);
  const front = chosenFront();
  const points = inside.filter((row) => chosenY(row) === y).map((row) => pointOf(row, x, y, front)).filter(Boolean);
  const there = new Set(points.map((point) => point.row));
  const isPositive = points.length > 0 && points.every((point) => point.x_value > 0);
  const isLog = isPositive && (state.log === "" ? given.chart.logarithmic.includes(x) : state.log === "yes");
  // A logarithmic axis has no place for an end that is not positive: such a bar begins at the least value.
  const least = Math.min(...points.map((point) => point.x_value));
  if (isLog) for (const point of points) if (point.x_low !== null && point.x_low <= 0) point.x_low = least;
  return { x, y, points, isPositive, isLog, missing: inside.filter((row) => !there.has(row)).map((row) => table.label[row]) };
};

const titleOf = ({ label, unit, lower }) => `${label}${["nats per token", "points"].includes(unit) ? ` (${unit})` : ""} · ${lower ? "less" : "more"} is better`;

/** Return the specification with axes, scales and names of the chosen metrics. */
const specOf = (picture) => {
  const { x, y, points, isLog } = picture;
  const spec = structuredClone(given.chart.spec);
  const linear = { zero: false, padding: 24 };
  const encoding = {
    x: { axis: { ...given.chart.axes[x], grid: false }, title: titleOf(metricNamed[x]), scale: isLog ? { type: "log", padding: 24 } : { type: "linear", ...linear } },
    y: { axis: given.chart.axes[y], title: titleOf(metricNamed[y]), ...(metricNamed[y].unit === "fraction" ? {} : { scale: linear }) },
  };
  const titles = { label: "Method", x_text: metricNamed[x].label, y_text: metricNamed[y].label, standing: "Standing" };
  for (const layer of spec.layer) {
    for (const side of ["x", "y"]) if (layer.encoding[side].field === `${side}_value`) Object.assign(layer.encoding[side], encoding[side]);
    if (layer.mark.type === "line") layer.mark.interpolate = metricNamed[x].lower ? "step-after" : "step-before";
    for (const one of layer.encoding.tooltip ?? []) one.title = titles[one.field];
  }
  // Vega marks the objects that it is given as its own: names are placed on copies.
  return { ...spec, description: alternativeOf(picture), datasets: { points: structuredClone(points) } };
};

/** Say what the marks mean: no probability where none was computed. */
const marksText = ({ x, y, points }) => {
  const views = [...new Set(points.map((point) => point.view))];
  const withEnds = [y, x].filter((name, place) => points.some((point) => point[place === 0 ? "y_low" : "x_low"] !== null));
  const apart = views.some((view) => [x, y].some((name) => given.chart.views[view].incomparable.includes(name)));
  const probable = views.some(isProbable);
  const front = points.filter((point) => point.front);
  return [
    front.length === 1 && !apart ? `Here it is ${front[0].label} alone, so there is no line.` : "",
    apart ? "No front is drawn over values that were measured under different conditions." : "",
    probable ? "The stronger the colour of a point, the higher its probability of being on the front." : "Points on the front have a stronger colour.",
    probable || isUsualPair() ? "" : "The probability of being on the front is computed for the main metric against a cost only.",
    points.some((point) => point.tied) ? "A ring marks a method that is tied for best." : "",
    withEnds.length > 0 ? `Bars are 95% intervals of ${withEnds.map((name) => metricNamed[name].words).join(" and ")}.` : "",
    points.some((point) => point.ruled_out) ? "Faint points do not meet the limits." : "",
  ].filter(Boolean).join(" ");
};

/** Return what stands for the picture where it is not seen. */
const alternativeOf = ({ x, y, points }) => {
  const front = points.filter((point) => point.front).map((point) => point.label);
  return `${metricNamed[y].label} against ${metricNamed[x].words} of ${points.length} rows. On the Pareto front: ${front.join(", ") || "none"}. The table below has the values.`;
};

/** Let the controls and texts around the chart say what it shows. */
const showTexts = (picture) => {
  const { x, y, missing } = picture;
  const [across, up] = [metricNamed[x], metricNamed[y]];
  Object.assign(byId("chart-x"), { value: x });
  Object.assign(byId("chart-y"), { value: state.y });
  Object.assign(byId("chart-log"), { checked: picture.isLog, disabled: !picture.isPositive });
  byId("chart-title").textContent = isUsualPair() ? heading : `${up.label} against ${across.words}`;
  byId("chart-marks").textContent = marksText(picture);
  const described = isUsualPair() ? [across] : [up, across];
  byId("chart-definitions").textContent = described.map((metric) => `${metric.label}: ${metric.definition}`).join(" ");
  byId("not-drawn").textContent = missing.length > 0 ? `Not shown (no value): ${missing.join(", ")}.` : "";
  byId("front-pair").textContent = pairWords().replace(", with its probability", "");
  byId("chart").setAttribute("aria-label", alternativeOf(picture));
};

/** Give every point that is seen a place for its name, as far as there is room, and draw the points. */
const drawPoints = async ({ points }) => {
  const seen = (scale, value) => {
    const [low, high] = drawn.scale(scale).domain();
    return value >= low && value <= high;
  };
  const inside = points.filter((point) => seen("x", point.x_value) && seen("y", point.y_value));
  placeNames(inside.length > MOST_NAMED ? inside.filter((point) => point.front) : inside, inside, drawn);
  await drawn.data("points", structuredClone(points)).runAsync();
};

const drawChart = async () => {
  const picture = pictureOf();
  showTexts(picture);
  const chart = byId("chart");
  const pair = `${picture.y} ${picture.x}`;
  if (picture.points.length < 2) {
    chart.replaceChildren("Fewer than two methods have a value of both.");
    Object.assign(chart.dataset, { drawn: picture.x, pair });
    drawn = null;
    return;
  }
  const renderer = picture.points.length > MOST_NAMED ? "canvas" : "svg";
  // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only: a front may be empty.
  const options = { actions: false, renderer, ast: true, logLevel: 1, config: chartColours(renderer) };
  drawn = (await window.vegaEmbed("#chart", specOf(picture), options)).view;
  await zoomWith(drawn, picture.isLog, () => inTurn(() => drawn && drawPoints(pictureOf())));
  await drawPoints(picture);
  Object.assign(chart.dataset, { drawn: picture.x, pair });
};

/** Do one thing after the other: Vega must not draw twice into one place. */
const inTurn = (draw) => {
  drawing = drawing.then(draw);
};

const again = () => inTurn(drawChart);

/** Draw the points anew where only their shade differs. */
const shadeAgain = () => {
  const picture = pictureOf();
  showTexts(picture);
  if (drawn !== null) inTurn(() => drawn && drawPoints(picture));
};

/** Choose a metric for one axis; the axis that has it already gets the other's. */
const choose = (side, name) => {
  const [x, y] = [chosenX(), state.y];
  const main = metricNamed[given.views.find((view) => view.key === state.view)?.main ?? given.views[0].main].name;
  const fresh = { log: "", zoom: null };
  if (side === "x") change({ ...fresh, x: name, y: name === (y || main) ? x : y });
  else change({ ...fresh, y: name, x: (name || main) === x ? y || main : x });
};

export const startChart = () => {
  if (byId("chart") === null) return;
  heading = byId("chart-title").textContent;
  for (const side of ["x", "y"]) byId(`chart-${side}`).addEventListener("change", (event) => choose(side, event.target.value));
  byId("chart-log").addEventListener("change", (event) => change({ log: event.target.checked ? "yes" : "no", zoom: null }));
  startZoom(byId("chart"));
  onChange((names) => {
    if (names.some((name) => ["view", "x", "y", "log"].includes(name))) again();
    else if (names.some((name) => ["limits", "above", "needs"].includes(name))) shadeAgain();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  again();
};
