/** Sliders and switches for what a method must keep to, and the recommendation that follows from them. */

import { given, metricNamed, numRows, table } from "./data.js";
import { byId, element } from "./dom.js";
import { show } from "./format.js";
import { commandText, figuresText, meritsText, reasonsText } from "./reasons.js";
import { limitsOf, mainOf, recommend, unmet } from "./rules.js";
import { change, onChange, state } from "./state.js";

const STEPS = 200;
const ALLOCATED = "train_peak_bytes"; // training memory: on a GPU what PyTorch allocated
const SCALES = {
  bytes: [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "B"]],
  seconds: [[1, "s"], [1e-3, "ms"]],
  count: [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]],
  fraction: [[0.01, "%"]],
  points: [[1, "points"]],
};
const needsAtOnce = new Set(["mergeable", "servable_by_vllm"]);

const isSet = () => Object.keys(state.limits).length > 0 || state.above !== null || state.needs.length > 0;

/** Return why a row is ruled out, in words; "" where it is not, or where no limit is set. */
export const whyNot = (row) => {
  if (!isSet() || state.view === "" || !given.fit.views[state.view]) return "";
  return table.view[row] === state.view ? reasonsText(unmet(row, state.view, limitsOf(state), state.needs)) : "";
};

const valuesOf = (metric) => {
  const found = [];
  for (let row = 0; row < numRows; row += 1) {
    const value = table.metrics[metric]?.[row];
    if (table.view[row] === state.view && value !== null && value !== undefined) found.push(value);
  }
  return found.sort((one, other) => one - other);
};

/** Return a value with three digits: what a slider stops at. */
const roundish = (value) => Number(value.toPrecision(3));

/** Return a slider with a number next to it. `value` null means any; both ends of the scale are in base units. */
const slider = ({ id, label, unit, factor, low, high, value, upwards, step, set }) => {
  const logarithmic = low > 0 && high / low > 20;
  const toValue = (place) => (logarithmic ? low * (high / low) ** (place / STEPS) : low + ((high - low) * place) / STEPS);
  const toPlace = (one) => Math.round(STEPS * (logarithmic ? Math.log(one / low) / Math.log(high / low) : (one - low) / (high - low)));
  const end = upwards ? 0 : STEPS;
  const range = element("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": `${label}, slider` });
  range.value = value === null ? end : Math.min(STEPS, Math.max(0, toPlace(value)));
  const number = element("input", { type: "number", id, step: "any", placeholder: "any", inputMode: "decimal" });
  number.value = value === null ? "" : String(Number((value / factor).toPrecision(12)));
  const take = (next) => {
    number.value = next === null ? "" : String(Number((next / factor).toPrecision(12)));
    set(next);
  };
  range.addEventListener("input", () => {
    const place = Number(range.value);
    take(place === end ? null : step ? Math.round(toValue(place) / step) * step : roundish(toValue(place) / factor) * factor);
  });
  number.addEventListener("input", () => {
    const typed = number.value.trim() === "" ? null : Number(number.value) * factor;
    range.value = typed === null ? end : Math.min(STEPS, Math.max(0, toPlace(typed)));
    set(typed);
  });
  return element("div", { className: "limit" }, element("label", { for: id }, label), element("span", { className: "amount" }, number, ` ${unit}`), range);
};

const metricSlider = (name) => {
  const metric = metricNamed[name];
  const values = valuesOf(name);
  if (values.length === 0 || values[0] === values.at(-1)) return null;
  const most = Math.max(...values.map(Math.abs));
  const [factor, unit] = (SCALES[metric.unit] ?? []).find(([one]) => most >= one) ?? [1, metric.unit === "nats per token" ? "nats" : ""];
  const set = (value) => {
    const { [name]: _, ...others } = state.limits;
    change({ limits: value === null ? others : { ...others, [name]: value } });
  };
  const made = slider({
    id: `limit-${name}`, label: `${metric.label} ${metric.lower ? "at most" : "at least"}`, unit, factor, set,
    low: values[0], high: values.at(-1), value: state.limits[name] ?? null, upwards: !metric.lower,
  });
  if (name === ALLOCATED) made.append(element("span", { className: "extra" }, "On a GPU leave room for what PyTorch reserves: about 21 GB for a card of 24 GB."));
  return made;
};

/** Return the slider for points above the base model, where the main metric is a share and there is a base model. */
const aboveSlider = () => {
  const main = mainOf(state.view);
  const base = given.fit.views[state.view].baselines[0];
  const most = Math.max(...valuesOf(main.name)) - (base?.value ?? 1);
  if (!base || main.unit !== "fraction" || main.lower || most <= 0) return null;
  const set = (value) => change({ above: value });
  return slider({
    id: "limit-above", label: `${main.label} above ${base.name} (${show(main, base.value)}) by at least`, unit: "points", factor: 1, set,
    low: 0, high: Math.floor(100 * most), value: state.above, upwards: true, step: 1,
  });
};

const needBoxes = (names) =>
  names.map((name) => {
    const box = element("input", { type: "checkbox", value: name, checked: state.needs.includes(name) });
    box.addEventListener("change", () => change({ needs: box.checked ? [...state.needs, name] : state.needs.filter((one) => one !== name) }));
    return element("label", {}, box, ` ${given.capabilities[name]}`, element("span", { className: "extra" }, given.checks[name]));
  });

/** Make sliders and switches for the chosen task. */
const drawControls = () => {
  const place = byId("limits");
  place.replaceChildren();
  if (state.view === "" || !given.fit.views[state.view]) return;
  const main = mainOf(state.view).name;
  const above = aboveSlider();
  const names = given.limited.filter((name) => (name === main ? above === null : !given.views.some((view) => view.main === name)));
  const capabilities = Object.keys(given.capabilities);
  place.append(...names.filter((name) => name !== main).map(metricSlider).filter(Boolean), above ?? metricSlider(main) ?? "");
  const usual = needBoxes(capabilities.filter((name) => needsAtOnce.has(name)));
  if (usual.length > 0) place.append(element("div", { className: "needs", role: "group", "aria-label": "Must be" }, ...usual));
  const others = needBoxes(capabilities.filter((name) => !needsAtOnce.has(name)));
  if (others.length > 0) {
    const fold = element("details", {}, element("summary", {}, "Other checks of the audit"), element("div", { className: "needs" }, ...others));
    fold.open = state.needs.some((name) => !needsAtOnce.has(name));
    place.append(fold);
  }
  const reset = element("button", { type: "button", className: "button", id: "no-limits", hidden: !isSet() }, "Clear limits");
  reset.addEventListener("click", () => {
    change({ limits: {}, above: null, needs: [] });
    drawControls();
    byId("limits").querySelector("input")?.focus();
  });
  place.append(reset);
};

const nameOf = (row) => given.fit.name[row];
const listOf = (items) => element("ul", { className: "plain-list" }, ...items.map((text) => element("li", {}, text)));

/** Write the recommendation for the state. */
const drawRecommendation = () => {
  const place = byId("recommendation");
  const found = state.view === "" ? null : recommend(state);
  place.replaceChildren();
  if (found === null) {
    place.append(element("p", { className: "caption" }, state.view === "" ? "Choose one task to get a recommendation." : "There is no recommendation on this page for these rows: run paretune recommend."));
    return;
  }
  const view = given.fit.views[state.view];
  const unlimited = !isSet();
  place.dataset.answer = JSON.stringify(answerOf(found));
  if (found.untrained.length > 0) place.append(element("p", {}, `No method that trains was shown to be better than the base model without training (${found.untrained.map(nameOf).join(", ")}).`));
  if (found.shortlist.length === 0) place.append(element("p", {}, element("b", {}, "No method meets every requirement.")));
  place.append(element("ol", { className: "shortlist" }, ...found.shortlist.map((one) => shortlisted(one, found, unlimited ? view.unlimited.best : {}))));
  if (found.alsoTied.length > 0) {
    const texts = found.alsoTied.map(({ row, outdone }) => `${nameOf(row)} (${figuresText(row, state.view)})${outdone ? `, but not listed: ${outdone} is at least as good, and no cost is clearly lower* than that of ${outdone}` : ""}`);
    place.append(folded(`Also tied: ${found.alsoTied.length}`, texts));
  }
  const isCompared = ({ row, reasons }) => !given.fit.trains[row] && reasons.every(({ kind }) => kind === "does not train");
  const figuresOf = (row) => `${nameOf(row)} (${figuresText(row, state.view)})`;
  const behind = found.behind.filter((row) => given.fit.trains[row]);
  const compared = [...found.behind.filter((row) => !given.fit.trains[row]), ...found.ruledOut.filter(isCompared).map(({ row }) => row)];
  const ruledOut = found.ruledOut.filter((one) => !isCompared(one));
  if (behind.length > 0) place.append(folded(`Significantly behind another method that meets the limits, in these runs: ${behind.length}`, behind.map(figuresOf)));
  if (ruledOut.length > 0) place.append(folded(`Ruled out: ${ruledOut.length}`, ruledOut.map(({ row, reasons }) => `${nameOf(row)}: ${reasonsText(reasons)}.`)));
  if (compared.length > 0) place.append(folded(`${given.words.compared}: ${compared.length}`, compared.map(figuresOf)));
  if (found.shortlist.length > 1 || found.alsoTied.some(({ outdone }) => outdone)) place.append(element("p", { className: "caption" }, given.words.clearly));
  if (unlimited && view.unlimited.likely) place.append(element("p", { className: "caption" }, view.unlimited.likely));
  const idle = found.limits.filter(({ metric }) => !found.ruledOut.some(({ reasons }) => reasons.some(({ kind, requirement }) => requirement === metric && kind !== "not above base")));
  if (idle.length > 0) place.append(element("p", { className: "caption" }, idle.map(idleText).join(" ")));
  if (unlimited && view.unlimited.next) place.append(element("p", {}, view.unlimited.next));
  if (unlimited && view.unlimited.no_claim && found.shortlist.length > 0) place.append(element("p", {}, `This order describes these runs: ${view.unlimited.no_claim}, so no claim.`));
  if (view.across) place.append(element("p", {}, `Recorded under different settings: ${view.conflicts.join("; ")}.`));
  const why = unlimited ? "The same on the command line: " : "With limits set, probabilities and the next experiment are left to the command, which gives the same list: ";
  place.append(element("p", { className: "caption" }, why, element("code", {}, commandText(state, found.limits))));
};

/** Say that a limit changes nothing here, and for memory how another model is looked at. */
const idleText = ({ metric, bound, value }) => {
  const { words } = metricNamed[metric];
  const elsewhere = metric === ALLOCATED ? " It may for another model: see paretune estimate." : "";
  return `All fine-tuning methods here have ${words} ${bound} ${show(metricNamed[metric], value)}: this limit rules out none of them.${elsewhere}`;
};

const shortlisted = (one, found, best) => {
  const name = nameOf(one.row);
  const share = best[name] ? `; ${best[name]} probability of being the best` : "";
  return element("li", {}, element("b", {}, name), ` ${figuresText(one.row, state.view)}`, element("span", { className: "extra" }, meritsText(one, found.shortlist[0].row, state.view) + share));
};

const folded = (title, texts) => element("details", {}, element("summary", {}, title), listOf(texts));

/** Return the answer by names, for whoever compares it with that of the command. */
const answerOf = (found) => ({
  limits: found.limits,
  shortlist: found.shortlist.map(({ row, isBest, least, notShownAbove }) => ({ name: nameOf(row), isBest, least, notShownAbove: notShownAbove.map(nameOf) })),
  alsoTied: found.alsoTied.map(({ row, outdone }) => [nameOf(row), outdone]),
  behind: found.behind.map(nameOf),
  ruledOut: found.ruledOut.map(({ row, reasons }) => [nameOf(row), [...new Set(reasons.map((reason) => reasonsText([reason])))]]),
});

export const startLimits = () => {
  if (byId("recommendation") === null) return;
  onChange((names) => {
    // Of its own changes the section has the controls already.
    if (names.includes("view")) drawControls();
    if (!names.some((name) => ["view", "limits", "above", "needs"].includes(name))) return;
    const clear = byId("no-limits");
    if (clear !== null) clear.hidden = !isSet();
    drawRecommendation();
  });
  drawControls();
  drawRecommendation();
  byId("fit").hidden = false;
};
