/** The details of one row, opened by its name: how to run it again, values by seed, audit, and its records in full. */

import { given, metricNamed, table, unpack } from "./data.js";
import { element } from "./dom.js";
import { show } from "./format.js";
import { drawTable } from "./table.js";

const open = new Set();
let held = null;

/** Return what is known of all rows, inflated once. */
const allDetails = () => {
  held ??= given.details === "" ? Promise.resolve(null) : unpack(given.details);
  return held;
};

/** Return the button of a row's name. */
export const nameButton = (row) => {
  const button = element(
    "button",
    { type: "button", className: "name", title: "Details", "aria-expanded": String(open.has(row)), dataset: { details: String(row) } },
    table.cells[0].text[row],
  );
  button.addEventListener("click", () => {
    if (open.has(row)) open.delete(row);
    else open.add(row);
    drawTable();
    document.querySelector(`[data-details="${row}"]`)?.focus();
  });
  return button;
};

/** Return the details of a row that is open, and null of any other. */
export const detailsOf = (row) => {
  if (!open.has(row)) return null;
  const place = element("div", { className: "detail", role: "group", "aria-label": `Details of ${table.label[row]}` });
  allDetails().then((all) => place.append(...(all === null ? [element("p", {}, "The page holds no details of so many rows.")] : partsOf(row, all))));
  return place;
};

const partsOf = (row, all) => {
  const settings = all.settings[row];
  const facts = [
    ["Parameters", settings.parameters],
    ["Learning rate", settings.rate],
    ["peft type", settings.peft_type],
    ["Trainable dtype", settings.dtypes || "–"],
    ["Differs from the recipe", settings.departures.join("; ") || "no"],
    ["Fails in the audit", all.audit[row]],
  ];
  const parts = [element("dl", { className: "facts" }, ...facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))))];
  const records = all.records[row];
  if (records.length > 1) parts.push(bySeed(records));
  if (all.study[row] !== "") parts.push(runAgain(all.study[row]));
  else if (records[0]?.imported) parts.push(element("p", {}, `Imported from ${records[0].imported.source}: ${records[0].imported.file}. Paretune did not run it.`));
  for (const record of records) {
    const summary = element("summary", {}, `Record of seed ${record.trial.seed} as JSON`);
    const fold = element("details", {}, summary);
    fold.addEventListener("toggle", () => fold.open && fold.childElementCount === 1 && fold.append(element("pre", { tabIndex: 0 }, JSON.stringify(record, null, 1))));
    parts.push(fold);
  }
  if (all.left_out) parts.push(element("p", { className: "caption" }, all.left_out));
  return parts;
};

/** Return a table of each value by seed, without those that are the same with every seed. */
const bySeed = (records) => {
  const names = Object.keys(metricNamed).filter((name) => new Set(records.map((record) => record.metrics[name])).size > 1);
  if (names.length === 0) return element("p", {}, "All values are the same with every seed.");
  const head = element("tr", {}, ...["Seed", ...names.map((name) => metricNamed[name].label)].map((text) => element("th", { scope: "col" }, text)));
  const rows = records.map((record) =>
    element("tr", {}, element("th", { scope: "row" }, String(record.trial.seed)), ...names.map((name) => element("td", { className: "number" }, show(metricNamed[name], numeric(record.metrics[name]))))),
  );
  return element("table", { className: "plain seeds" }, element("caption", {}, "Values by seed; the others are the same with every seed"), element("thead", {}, head), element("tbody", {}, ...rows));
};

const numeric = (value) => (typeof value === "number" ? value : null);

const runAgain = (text) =>
  element(
    "details",
    {},
    element("summary", {}, "Run it again"),
    element("p", {}, "Save this as row.toml, then: ", element("code", {}, "paretune run row.toml --out results/row")),
    element("pre", { tabIndex: 0 }, text),
  );
