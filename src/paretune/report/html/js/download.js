/** The shown rows as files: CSV and JSON in base units, and the papers of their methods. */

import { bytesOf, facetOf, given, metricNamed, table } from "./data.js";
import { byId, save } from "./dom.js";
import { rowsShown } from "./table.js";

/** Return a row as plain values by name, in base units: bytes, seconds, shares from 0 to 1. */
const plainRow = (row) => ({
  method: table.label[row],
  task: given.views.find((view) => view.key === table.view[row])?.label ?? table.view[row],
  ...Object.fromEntries(table.facets.map((facet) => [facet.key, facetOf(facet.key, row)])),
  main_metric: table.quality[row],
  interval_low: table.low[row],
  interval_high: table.high[row],
  tied_for_best: Boolean(table.tied[row]),
  ...Object.fromEntries(Object.keys(metricNamed).map((name) => [name, table.metrics[name][row]])),
});

/** Return a cell of CSV. Text that a spreadsheet would take for a formula gets an apostrophe in front. */
const csvCell = (value) => {
  if (value === null || value === undefined) return "";
  if (typeof value !== "string") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

export const asCsv = (rows) => {
  const found = rows.map(plainRow);
  const names = Object.keys(found[0] ?? { method: "" });
  return [names, ...found.map((row) => names.map((name) => row[name]))].map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n";
};

export const asJson = (rows) => `${JSON.stringify(rows.map(plainRow), null, 1)}\n`;

/** Return the papers of the methods as BibTeX: what the cards of the methods say, which is no author. */
export const asBibtex = (rows) => {
  const found = new Map(rows.map((row) => table.citations[row]).filter((one) => one.key).map((one) => [one.key, one]));
  return [...found.values()]
    .map(({ key, ...fields }) => {
      const braced = (name, text) => (name === "title" ? `{{${text}}}` : `{${text}}`); // a title's capitals stay
      const lines = Object.entries(fields).map(([name, value]) => `  ${name} = ${braced(name, String(value).replace(/[{}\\]/g, ""))},`);
      return `@misc{paretune-${key.replace(/[^\w-]/g, "-")},\n${lines.join("\n")}\n}\n`;
    })
    .join("\n");
};

export const startDownloads = () => {
  byId("save-csv").addEventListener("click", () => save("results.csv", "text/csv", asCsv(rowsShown())));
  byId("save-json").addEventListener("click", () => save("results.json", "application/json", asJson(rowsShown())));
  byId("save-bibtex").addEventListener("click", () => save("methods.bib", "text/plain", asBibtex(rowsShown())));
  byId("save-parquet").addEventListener("click", () => save("results.parquet", "application/vnd.apache.parquet", bytesOf(given.parquet)));
  byId("save-bibtex").hidden = !table.citations.some((one) => one.key);
};
