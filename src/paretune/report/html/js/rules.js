/**
 * The rules of `paretune recommend` with the main metric as the objective (analysis/decisions/recommend.py), applied to
 * the rows that meet the limits. Which rows are significantly better than which was computed when the page was made.
 */

import { given, metricNamed, numRows, table } from "./data.js";

export const Z_95 = 1.959963984540054;
const SAME_SHARE = 0.03;
const OF_TRAINING = new Set(["prepare", "measure", "train", "save"]);

const rowsOf = (view) => Array.from({ length: numRows }, (_, row) => row).filter((row) => table.view[row] === view);
export const valueOf = (row, metric) => table.metrics[metric]?.[row] ?? null;

/** Return the main metric of a view, by its description. */
export const mainOf = (view) => metricNamed[given.views.find((one) => one.key === view).main];

/** Return the limits of a state as {metric, bound, value}, those of the main metric first. */
export const limitsOf = ({ view, limits, above }) => {
  const main = mainOf(view);
  const found = Object.entries(limits).map(([metric, value]) => {
    const lower = metricNamed[metric].lower;
    return { metric, bound: lower ? "at most" : "at least", value };
  });
  const base = given.fit.views[view]?.baselines[0];
  if (above !== null && base) found.unshift({ metric: main.name, bound: "at least", value: base.value + above / 100 });
  return found;
};

/** Return every requirement that a row does not meet, as {kind, requirement, ...}; none where it meets all. */
export const unmet = (row, view, limits, needs) => {
  const { fit } = given;
  if (fit.outcome[row] !== "ok") return [{ kind: "did not end", requirement: fit.outcome[row] }];
  const found = [];
  for (const limit of limits) {
    const value = valueOf(row, limit.metric);
    if (value === null && !fit.trains[row] && OF_TRAINING.has(metricNamed[limit.metric].phase)) found.push({ kind: "does not train" });
    else if (value === null) found.push({ kind: "not measured", requirement: limit.metric });
    else if (limit.bound === "at most" ? value > limit.value : value < limit.value) found.push({ kind: "limit", requirement: limit.metric, value, limit });
  }
  for (const need of needs) {
    if (!fit.trains[row]) {
      found.push({ kind: "does not train" });
      break;
    }
    const able = fit.able[need][row];
    if (able !== 1) found.push({ kind: able === null ? "capability unknown" : "capability", requirement: need });
  }
  return [...found, ...withoutObjective(row, view), ...notAboveBase(row, view, limits)];
};

const withoutObjective = (row, view) => {
  const main = mainOf(view);
  if (valueOf(row, main.name) === null) return [{ kind: "not measured", requirement: main.name }];
  return given.fit.lone[row] ? [{ kind: "not measured", requirement: `uncertainty of ${main.words}` }] : [];
};

/** Return a reason for each baseline that a row is not better than, unless a limit says how good is good enough. */
const notAboveBase = (row, view, limits) => {
  const main = mainOf(view);
  const bound = main.lower ? "at most" : "at least";
  const value = valueOf(row, main.name);
  if (!given.fit.trains[row] || limits.some((limit) => limit.metric === main.name && limit.bound === bound)) return [];
  return given.fit.views[view].baselines
    .filter((base) => value !== null && (main.lower ? value >= base.value : value <= base.value))
    .map((base) => ({ kind: "not above base", requirement: main.name, value, limit: { metric: main.name, bound, value: base.value }, baseline: base.name }));
};

/** Tell which of the places that are significantly better than a place are among the admissible ones. */
const hasBetter = (runs, isAdmissible) => {
  for (let number = 0; number < runs.length; number += 2) {
    for (let place = runs[number]; place < runs[number] + runs[number + 1]; place += 1) if (isAdmissible[place]) return true;
  }
  return false;
};

/** Return the rows that train nothing and are not significantly worse than a row. */
const notShownAbove = (row, view) => {
  const { fit } = given;
  const isThis = new Uint8Array(fit.views[view].better.length);
  isThis[fit.place[row]] = 1;
  return rowsOf(view).filter((one) => !fit.trains[one] && fit.place[one] !== null && !hasBetter(fit.views[view].better[fit.place[one]], isThis)).sort((one, other) => (fit.name[one] < fit.name[other] ? -1 : 1));
};

/** Return what a row needs of a cost: nothing where it is not trained, null where that was not measured. */
const needOf = (row, cost) => valueOf(row, cost) ?? (given.fit.trains[row] ? null : 0);

/** Tell whether a row needs less of a cost than another, by more than measuring it again would change. */
export const needsLess = (cost, row, other) => {
  const [own, theirs] = [needOf(row, cost), needOf(other, cost)];
  if (own === null || theirs === null) return false;
  const errors = [row, other].map((one) => table.errors[cost]?.[one] ?? 0);
  return theirs - own > Math.max(Z_95 * Math.hypot(...errors), SAME_SHARE * Math.abs(theirs));
};

const isLeast = (cost, row, among) =>
  among
    .filter((other) => (valueOf(other, cost) ?? valueOf(row, cost)) !== valueOf(row, cost))
    .every((other) => needsLess(cost, row, other));

const needsLessOfSome = (row, other, costs) => costs.some((cost) => needsLess(cost, row, other));

/** Return the places in `tied` of rows that need clearly less of some cost than each earlier one that is returned. */
const shortOf = (tied, costs) => {
  const found = [];
  tied.forEach((row, place) => {
    if (found.every((better) => needsLessOfSome(row, tied[better], costs))) found.push(place);
  });
  return found;
};

/** Return the name of a row on the short list before another, than which that needs clearly less of no cost; "" without one. */
const outdoneBy = (row, shortlist, costs, places) => {
  const better = shortlist.filter((one) => places[one.row] < places[row]);
  const found = better.find((one) => !needsLessOfSome(row, one.row, costs));
  return found ? given.fit.name[found.row] : "";
};

/** Return the recommendation for a state: short list, others that are tied, those behind, those ruled out. */
export const recommend = (state) => {
  const { fit } = given;
  const view = fit.views[state.view];
  if (!view) return null;
  const limits = limitsOf(state);
  const reasons = new Map(rowsOf(state.view).map((row) => [row, unmet(row, state.view, limits, state.needs)]));
  const ruledOut = [...reasons].filter(([, found]) => found.length > 0).map(([row, found]) => ({ row, reasons: found }));
  const admissible = [...reasons].filter(([row, found]) => found.length === 0 && fit.place[row] !== null).map(([row]) => row);
  admissible.sort((one, other) => fit.place[one] - fit.place[other]);
  const isAdmissible = new Uint8Array(view.better.length);
  for (const row of admissible) isAdmissible[fit.place[row]] = 1;
  const isBehind = new Map(admissible.map((row) => [row, hasBetter(view.better[fit.place[row]], isAdmissible)]));
  const tied = admissible.filter((row, place) => place === 0 || !isBehind.get(row));
  const costs = view.costs.map((cost) => cost.name).filter((cost) => cost !== mainOf(state.view).name);
  const shared = costs.filter((cost) => tied.every((row) => needOf(row, cost) !== null));
  const shortlist = shortOf(tied, costs).map((place) => ({
    row: tied[place],
    isBest: place === 0,
    notShownAbove: fit.trains[tied[place]] ? notShownAbove(tied[place], state.view) : [],
    least: tied.length > 1 ? shared.filter((cost) => valueOf(tied[place], cost) !== null && isLeast(cost, tied[place], tied)) : [],
  }));
  const listed = new Set(shortlist.map((one) => one.row));
  const others = admissible.filter((row) => !listed.has(row));
  return {
    limits,
    admissible,
    shortlist,
    alsoTied: others.filter((row) => !isBehind.get(row)).map((row) => ({ row, outdone: outdoneBy(row, shortlist, costs, fit.place) })),
    behind: others.filter((row) => isBehind.get(row)),
    untrained: admissible.filter((row) => !fit.trains[row] && !isBehind.get(row)),
    ruledOut: ruledOut.sort((one, other) => (fit.name[one.row] < fit.name[other.row] ? -1 : 1)),
  };
};
