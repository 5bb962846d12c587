/** Rules and values in words, as report/decisions.py writes them. */

import { given, metricNamed, table } from "./data.js";
import { show, span } from "./format.js";
import { mainOf, needsLess, valueOf } from "./rules.js";

/** Return why a row was ruled out, in words. */
export const reasonText = ({ kind, requirement, value, limit, baseline }) => {
  const metric = metricNamed[requirement];
  const label = metric?.words ?? requirement;
  if (kind === "limit") return `${label} ${show(metric, value)}, wanted ${limit.bound} ${show(metric, limit.value)}`;
  if (kind === "not above base") {
    return `${label} ${show(metric, value)}, not ${metric.lower ? "below" : "above"} that of ${baseline} ${show(metric, limit.value)}`;
  }
  if (kind === "not measured") return `${label} was not measured`;
  if (kind === "does not train") return given.words.compared.toLowerCase();
  if (kind === "capability") return `not ${given.capabilities[requirement]}`;
  if (kind === "capability unknown") return `whether it is ${given.capabilities[requirement]} is unknown: no audit is recorded`;
  return `did not finish: ${label.replaceAll("_", " ")}`;
};

export const reasonsText = (reasons) => [...new Set(reasons.map(reasonText))].join("; ");

/** Return the values of a row that count: its main metric with its interval, and every cost that it has. */
export const figuresText = (row, view) => {
  const main = mainOf(view);
  const value = table.metrics[main.name][row];
  const interval = table.low[row] === null ? "" : ` (${span(main, table.low[row], table.high[row], " to ")})`;
  const costs = given.fit.views[view].all_costs
    .filter((cost) => table.metrics[cost]?.[row] !== null)
    .map((cost) => `${metricNamed[cost].words} ${show(metricNamed[cost], table.metrics[cost][row])}`);
  return [`${main.words} ${show(main, value)}${interval}`, ...costs].join(", ");
};

/** Return why a row is on the short list. */
export const meritsText = ({ row, isBest, least, notShownAbove }, best, view) => {
  const words = [isBest ? "the best as measured" : "tied for best"];
  const named = given.fit.views[view].costs;
  words.push(...least.map((cost) => `${named.find((one) => one.name === cost).least} among those tied`));
  if (!isBest) words.push(...differences(row, best, least, view));
  if (notShownAbove.length > 0) words.push(`not shown to be better than ${notShownAbove.map((one) => given.fit.name[one]).join(" or ")}, corrected for all pairs`);
  return words.join("; ");
};

/** Return of which costs a row needs clearly less than the best one, and of which more, and how much. */
const differences = (row, best, named, view) => {
  const shared = given.fit.views[view].all_costs.filter((cost) => valueOf(row, cost) !== null && valueOf(best, cost) !== null);
  const instead = (costs) => costs.map((cost) => `${metricNamed[cost].words} ${show(metricNamed[cost], valueOf(row, cost))} instead of ${show(metricNamed[cost], valueOf(best, cost))}`).join(", ");
  const less = shared.filter((cost) => !named.includes(cost) && needsLess(cost, row, best));
  const more = shared.filter((cost) => needsLess(cost, best, row));
  const name = given.fit.name[best];
  const words = [];
  if (less.length > 0) words.push(`less* than ${name}: ${instead(less)}`);
  else if (named.length === 0) words.push(`no cost is clearly lower* than that of ${name}`);
  if (more.length > 0) words.push(`more* than ${name}: ${instead(more)}`);
  return words;
};

const quoted = (text) => (/^[\w.,:=@%+/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
const UNITS = { bytes: [[1e9, "GB"], [1e6, "MB"], [1, "B"]] };

/** Return an amount as the options of `paretune recommend` take it: exactly this value, in its longest unit. */
const amountText = (metric, value) => {
  for (const [factor, unit] of UNITS[metric.unit] ?? []) if ((value / factor) * factor === value && value >= factor) return `${value / factor}${unit}`;
  return metric.unit === "bytes" ? `${value}B` : String(value);
};

/** Return the command that gives the same answer, with probabilities. */
export const commandText = (state, limits) => {
  const view = given.fit.views[state.view];
  const bounds = limits.map(({ metric, bound, value }) => `${metric}${bound === "at most" ? "<=" : ">="}${amountText(metricNamed[metric], value)}`);
  const words = ["paretune", "recommend", "DIR"];
  if (given.views.length > 1) words.push("--task", quoted(view.task));
  for (const bound of bounds) words.push("--limit", quoted(bound));
  for (const need of state.needs) words.push("--capability", need);
  if (view.across) words.push("--across");
  return words.join(" ");
};
