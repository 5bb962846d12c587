/** Which rows are shown, in which order: search, filters, sorting by several columns, groups. No document here. */

import { columnPlace, facetNamed, facetOf, numRows, table } from "./data.js";

const everything = Array.from({ length: numRows }, (_, row) => row);
let words = null;
const ranks = new Map();
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Return the text in which a row is searched. */
const textsOfRows = () => {
  words ??= everything.map((row) =>
    [table.label[row], table.view[row], table.departs[row], ...table.facets.map((facet) => facetOf(facet.key, row))].join("\n").toLowerCase(),
  );
  return words;
};

/** Return the rows that a state lets through, in the order of the page. */
export const filtered = ({ view, query, facets }) => {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = terms.length > 0 ? textsOfRows() : [];
  const wanted = Object.entries(facets).map(([key, value]) => [facetNamed[key].places, facetNamed[key].values.indexOf(value)]);
  return everything.filter(
    (row) =>
      (view === "" || table.view[row] === view) &&
      wanted.every(([places, place]) => places[row] === place) &&
      terms.every((term) => texts[row].includes(term)),
  );
};

/** Return a number for each row that sorts a column: NaN where there is no value, places of texts in their order. */
const sortable = (key) => {
  if (!ranks.has(key)) {
    const values = table.cells[columnPlace[key]].value;
    const texts = [...new Set(values.filter((value) => typeof value === "string"))].sort(collator.compare);
    const places = new Map(texts.map((text, place) => [text, place]));
    ranks.set(key, Float64Array.from(values, (value) => (value === null ? NaN : typeof value === "string" ? places.get(value) : value)));
  }
  return ranks.get(key);
};

/** Return rows sorted by columns, the first of them first. Missing values come last in both orders; ties keep their order. */
export const sorted = (rows, sort) => {
  const keys = sort.map(([key, order]) => [sortable(key), order === "descending" ? -1 : 1]);
  if (keys.length === 0) return rows;
  return [...rows].sort((one, other) => {
    for (const [values, sign] of keys) {
      const [a, b] = [values[one], values[other]];
      const [noA, noB] = [Number.isNaN(a), Number.isNaN(b)];
      if (noA || noB) {
        if (noA !== noB) return noA ? 1 : -1;
      } else if (a !== b) return a < b ? -sign : sign;
    }
    return one - other;
  });
};

/** Return groups of rows as [name, rows], each where its first row stands; without a facet, all as one group. */
export const grouped = (rows, facet) => {
  if (facet === "") return [["", rows]];
  const found = new Map();
  for (const row of rows) {
    const name = facetOf(facet, row);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push(row);
  }
  return [...found];
};
