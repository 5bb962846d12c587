/** The chart: the main metric against the chosen cost, of the rows of the chosen task. */

import { given, metricNamed, numRows, table } from "./data.js";
import { byId } from "./dom.js";
import { placeNames } from "./labels.js";
import { chartColours } from "./colours.js";
import { probability, show, span } from "./format.js";
import { Z_95 } from "./rules.js";
import { change, onChange, state } from "./state.js";

const MOST_NAMED = 400;

/** Return the cost of the chart and of the marks of the front: the state's where there is such a one. */
export const chosenCost = () => {
  const known = [...(byId("cost")?.options ?? [])].map((one) => one.value);
  return known.includes(state.cost) ? state.cost : (known[0] ?? "");
};

const pointOf = (row, cost) => {
  const value = table.metrics[cost]?.[row] ?? null;
  const quality = table.metrics[table.quality[row]]?.[row] ?? null;
  if (value === null || quality === null) return null;
  const main = metricNamed[table.quality[row]];
  const margin = Z_95 * (table.errors[cost]?.[row] ?? 0);
  const [low, high] = [table.low[row], table.high[row]];
  const share = table.shares[row][cost] ?? 0;
  return {
    row,
    label: table.label[row],
    metric: main.name,
    quality,
    quality_text: show(main, quality) + (low === null ? "" : ` (${span(main, low, high, " to ")})`),
    low,
    high,
    cost: value,
    cost_text: show(metricNamed[cost], value),
    cost_low: value - margin,
    cost_high: value + margin,
    front: table.fronts[row].includes(cost),
    tied: Boolean(table.tied[row]),
    share,
    standing: [table.tied[row] ? "tied for best" : "", `on the front: ${probability(share)}`].filter(Boolean).join(", "),
  };
};

const drawChart = async () => {
  const choice = byId("cost");
  const cost = chosenCost();
  choice.value = cost;
  const inside = Array.from({ length: numRows }, (_, row) => row).filter((row) => state.view === "" || table.view[row] === state.view);
  const found = inside.map((row) => pointOf(row, cost)).filter(Boolean);
  const drawn = new Set(found.map((point) => point.row));
  const missing = inside.filter((row) => !drawn.has(row)).map((row) => table.label[row]);
  byId("cost-definition").textContent = `${choice.selectedOptions[0].text}: ${choice.selectedOptions[0].dataset.definition}`;
  byId("not-drawn").textContent = missing.length > 0 ? `Not shown (no value): ${missing.join(", ")}.` : "";
  const main = found[0]?.metric ?? Object.keys(given.specs).find((name) => cost in given.specs[name]);
  const chart = byId("chart");
  if (!(cost in given.specs[main])) {
    chart.replaceChildren("Fewer than two methods have a value of this cost.");
    chart.dataset.drawn = cost;
    return;
  }
  // Vega marks the objects that it is given as its own: names are placed on copies.
  const spec = { ...given.specs[main][cost], datasets: { points: structuredClone(found) } };
  const renderer = found.length > MOST_NAMED ? "canvas" : "svg";
  // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only: a front may be empty.
  const { view } = await window.vegaEmbed("#chart", spec, { actions: false, renderer, ast: true, logLevel: 1, config: chartColours() });
  placeNames(found.length > MOST_NAMED ? found.filter((point) => point.front) : found, found, view);
  await view.data("points", found).runAsync();
  chart.dataset.drawn = cost;
};

export const startChart = () => {
  if (byId("cost") === null) return;
  byId("cost").addEventListener("change", (event) => change({ cost: event.target.value }));
  onChange((names) => (names.includes("view") || names.includes("cost")) && drawChart());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChart);
  drawChart();
};
