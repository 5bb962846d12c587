/** The table of results: the chosen columns of the chosen rows, a hundred at a time. */

import { facetNamed, given, numRows, table } from "./data.js";
import { afterPaint, byId, element } from "./dom.js";
import { pairWords } from "./front.js";
import { filtered, grouped, sorted } from "./select.js";
import { change, state, withoutFilters } from "./state.js";

export const ROWS_AT_ONCE = 100;
const COMPACT_FROM = 31;
const LOWEST_ROW = 21; // pixels
const ROWS_IN_SIGHT = Math.ceil(900 / LOWEST_ROW); // the table is no higher than 900 pixels
let limit = ROWS_AT_ONCE; // drawn rows at most
let closed = new Set();
let shownRows = [];
let scrolled = 0; // pixels, inside the table's place
let rest = { lines: [], draw: () => [] }; // what is drawn after the rows in sight
let hooks = { reasons: () => "", details: () => null, mark: () => "", name: (row) => table.cells[0].text[row] };

/** Say where a row's reasons, its details and its mark of the front come from. */
export const connectTable = (given_) => {
  hooks = { ...hooks, ...given_ };
  const place = byId("results").parentElement;
  place.addEventListener("scroll", () => { scrolled = place.scrollTop; }, { passive: true });
};

/** Return the rows that are shown, in their order, also those further down than are drawn. */
export const rowsShown = () => shownRows;

export const defaultSort = () => {
  const inside = given.views.find((view) => view.key === state.view);
  const main = (inside ?? given.views[0])?.main;
  const column = table.columns.find((one) => one.key === main);
  return column && state.view !== "" ? [[column.key, column.first]] : [];
};

export const isCompact = () => {
  const count = state.view === "" ? numRows : table.view.reduce((sum, view) => sum + (view === state.view), 0);
  return state.density === "" ? count >= COMPACT_FROM : state.density === "compact";
};

/** Return the places of the columns that are shown. The first, the method, always is. */
export const columnsShown = () =>
  table.columns
    .map((column, place) => place)
    .filter((place) => place === 0 || (state.columns === null ? table.columns[place].shown : state.columns.has(table.columns[place].key)));

/** Draw heading and rows anew, the first `most` of them. */
export const drawTable = (most = limit) => {
  limit = most;
  const sort = state.sort.length > 0 ? state.sort : defaultSort();
  const places = columnsShown();
  const groups = grouped(sorted(filtered(state), sort), state.group);
  shownRows = groups.flatMap(([, rows]) => rows);
  const results = byId("results");
  results.classList.toggle("compact", isCompact());
  results.parentElement.classList.toggle("tall", shownRows.length > 12);
  drawHead(results.tHead, places, sort);
  const lines = entriesOf(groups);
  const now = ROWS_IN_SIGHT + Math.ceil(scrolled / LOWEST_ROW);
  const draw = (some) => some.flatMap((line) => (line.group === undefined ? rowOf(line.row, places) : [groupRow(line.group, line.count, places.length)]));
  results.tBodies[0].replaceChildren(...draw(lines.slice(0, now)));
  rest = { lines: lines.slice(now), draw };
  results.setAttribute("aria-busy", String(lines.length > now));
  drawRest();
  drawFoot(places.length);
};

/** Draw the rows out of sight, once those in sight are painted: a filter answers in half the time. */
const drawRest = afterPaint(() => {
  const body = document.createDocumentFragment();
  for (const one of rest.draw(rest.lines)) body.append(one);
  rest.lines = [];
  byId("results").tBodies[0].append(body);
  byId("results").setAttribute("aria-busy", "false");
});

/** Return what is drawn, in order: heads of groups, and the rows of those that are open, as many as are drawn at most. */
const entriesOf = (groups) => {
  const lines = [];
  let room = limit;
  for (const [name, rows] of groups) {
    if (room <= 0) break;
    if (state.group !== "") lines.push({ group: name, count: rows.length });
    if (closed.has(name) && state.group !== "") continue;
    for (const row of rows.slice(0, room)) lines.push({ row });
    room -= rows.length;
  }
  return lines;
};

const drawHead = (head, places, sort) => {
  const row = element("tr");
  for (const place of places) {
    const column = table.columns[place];
    const number = sort.findIndex(([key]) => key === column.key);
    const button = element(
      "button",
      { type: "button", title: column.definition, dataset: { key: column.key } },
      column.label,
      element("span", { className: "arrow", "aria-hidden": "true" }),
      sort.length > 1 && number >= 0 ? element("span", { className: "order" }, ` ${number + 1}`) : null,
    );
    button.addEventListener("click", (event) => sortBy(column, event.shiftKey));
    const heading = element("th", { scope: "col", className: column.numeric ? "number" : "text" }, button);
    if (number >= 0) heading.dataset.order = sort[number][1];
    if (number === 0) heading.setAttribute("aria-sort", sort[0][1]);
    row.append(heading);
  }
  const focused = document.activeElement?.closest?.("#results thead button")?.dataset.key;
  head.replaceChildren(row);
  if (focused !== undefined) head.querySelector(`button[data-key="${CSS.escape(focused)}"]`)?.focus();
};

/** Sort by a column, by its other order when it is the first already; `also` adds it behind the others. */
const sortBy = (column, also) => {
  const sort = state.sort.length > 0 ? state.sort : defaultSort();
  const known = sort.find(([key]) => key === column.key);
  const opposite = known?.[1] === "descending" ? "ascending" : "descending";
  const next = [column.key, known ? opposite : column.first];
  if (!also) return change({ sort: [next] });
  return change({ sort: known ? sort.map((one) => (one === known ? next : one)) : [...sort, next] });
};

const groupRow = (name, count, width) => {
  const isOpen = !closed.has(name);
  const button = element("button", { type: "button", "aria-expanded": String(isOpen) }, `${isOpen ? "▾" : "▸"} ${name} (${count})`);
  button.addEventListener("click", () => {
    if (isOpen) closed.add(name);
    else closed.delete(name);
    drawTable(limit);
  });
  return element("tr", { className: "group" }, element("th", { scope: "rowgroup", colSpan: width }, button));
};

/** Return the element of a row, and that of its details where they are open. */
const rowOf = (row, places) => {
  const reason = hooks.reasons(row);
  const made = element("tr", { dataset: { row: String(row) } });
  made.classList.toggle("broken", !table.ok[row]);
  made.classList.toggle("ruled-out", reason !== "");
  made.append(headOf(row, reason), ...places.slice(1).map((place) => cellOf(place, row)));
  const details = hooks.details(row);
  return details ? [made, element("tr", { className: "details" }, element("td", { colSpan: places.length }, details))] : [made];
};

/** Say what a mark of the front means, where the pointer rests on it. */
const frontTitle = (mark) => `${mark.startsWith(given.words.front_mark) ? "On" : "Not on"} the Pareto front of ${pairWords()}`;

const headOf = (row, reason) => {
  const name = hooks.name(row);
  const mark = hooks.mark(row);
  const marks = element("span", { className: "marks" });
  if (table.tied[row]) marks.append(element("span", { className: "tied-mark", title: given.words.tied }, "≈ tied"), " ");
  if (mark) marks.append(element("span", { className: "front-mark", title: frontTitle(mark) }, mark));
  return element(
    "th",
    { scope: "row" },
    name,
    table.warnings[row].length > 0
      ? element("span", { className: "audit-mark", title: table.warnings[row].join(" ") }, ` ${given.words.audit_mark}`)
      : null,
    marks,
    table.departs[row] ? element("span", { className: "extra" }, `recipe differs: ${table.departs[row]}`) : null,
    reason ? element("span", { className: "extra why", title: reason }, reason) : null,
  );
};

const cellOf = (place, row) => {
  const [column, cells] = [table.columns[place], table.cells[place]];
  const extra = cells.extra?.[row];
  const bar = cells.bar?.[row];
  const made = element("td", { className: column.numeric ? "number" : "text", title: extra && isCompact() ? extra : undefined }, cells.text[row]);
  if (extra) made.append(element("span", { className: "extra" }, extra));
  if (bar) made.append(barOf(bar));
  return made;
};

const barOf = ([value, low, high]) => {
  const [interval, point] = [element("i"), element("b")];
  Object.assign(interval.style, { left: `${low}%`, width: `${high - low}%` });
  point.style.left = `${value}%`;
  return element("span", { className: "bar", "aria-hidden": "true" }, interval, point);
};

/** Say how many rows there are, and offer the others, or a way back where nothing is left. */
const drawFoot = (width) => {
  const inside = state.view === "" ? numRows : table.view.reduce((sum, view) => sum + (view === state.view), 0);
  const drawn = Math.min(limit, shownRows.length);
  byId("row-count").textContent =
    shownRows.length === inside ? `${inside} rows` : `${shownRows.length} of ${inside} rows`;
  const body = byId("results").tBodies[0];
  if (shownRows.length === 0) {
    const reset = element("button", { type: "button", className: "button" }, "Clear search and filters");
    reset.addEventListener("click", () => change(withoutFilters()));
    const because = [state.query && `the search for "${state.query}"`, ...Object.entries(state.facets).map(([key, value]) => `${facetNamed[key].label}: ${value}`)];
    const text = `No row matches ${because.filter(Boolean).join(" and ")}. `;
    body.append(element("tr", { className: "empty" }, element("td", { colSpan: width }, text, reset)));
  }
  const more = byId("more");
  more.replaceChildren();
  if (drawn < shownRows.length) {
    const next = element("button", { type: "button", className: "button" }, `Show ${Math.min(ROWS_AT_ONCE, shownRows.length - drawn)} more`);
    next.addEventListener("click", () => drawTable(limit + ROWS_AT_ONCE));
    const all = element("button", { type: "button", className: "button" }, `Show all ${shownRows.length}`);
    all.addEventListener("click", () => drawTable(shownRows.length));
    more.append(`The first ${drawn} of ${shownRows.length} rows are drawn. `, next, " ", all);
  }
};
