/** The pair of metrics that the chart shows, and the Pareto front of any pair, by the rule of the table. */

import { given, metricNamed, numRows, table } from "./data.js";
import { undominated } from "./pareto.js";
import { state } from "./state.js";

const pairs = given.chart;
const fronts = new Map();

/** Return the metric of the horizontal axis: the state's, or else the first cost. */
export const chosenX = () => state.x || (pairs?.x[0] ?? "");

/** Return the metric of the vertical axis of a row: the state's, or else the row's main metric. */
export const chosenY = (row) => state.y || table.quality[row];

/** Return whether a cost is weighed against the main metric, for which the page has marks and probabilities. */
export const isUsualPair = () => state.y === "" && (pairs?.costs ?? []).includes(chosenX());

/** Return a value of a row, turned round where more is better; null where it is missing. */
const costOf = (row, name) => {
  const value = table.metrics[name]?.[row] ?? null;
  return value === null || metricNamed[name].lower ? value : -value;
};

/** Return the rows on the front of two metrics, each task by itself. Left out: as for the marks of the table. */
const frontOf = (x, yOf) => {
  const found = new Set();
  for (const [view, { incomparable }] of Object.entries(pairs.views)) {
    const points = [];
    for (let row = 0; row < numRows; row += 1) {
      if (table.view[row] !== view || !table.ok[row] || table.below_floor[row]) continue;
      const point = [costOf(row, x), costOf(row, yOf(row))];
      if (!point.includes(null) && !incomparable.includes(x) && !incomparable.includes(yOf(row))) points.push({ row, point });
    }
    for (const place of undominated(points.map(({ point }) => point))) found.add(points[place].row);
  }
  return found;
};

/** Return the rows on the front of the chosen pair. */
export const chosenFront = () => {
  const key = `${state.y} ${chosenX()}`;
  if (!fronts.has(key)) fronts.set(key, pairs ? frontOf(chosenX(), chosenY) : new Set());
  return fronts.get(key);
};

/** Return the mark of a row in the table: with its probability where that was computed. */
export const frontMark = (row) => {
  if (isUsualPair()) return table.marks[row][chosenX()] ?? "";
  return chosenFront().has(row) ? "◆" : "";
};

/** Return the chosen pair in words. */
export const pairWords = () => {
  const mains = [...new Set(given.views.filter((view) => state.view === "" || view.key === state.view).map((view) => view.main))];
  const y = state.y === "" ? mains.map((name) => metricNamed[name]?.words ?? name).join(" or ") : metricNamed[state.y].words;
  return `${y} and ${metricNamed[chosenX()]?.words ?? "cost"}${isUsualPair() ? ", with its probability" : ""}`;
};
