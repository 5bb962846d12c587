/** What stands above the table: search, filters, columns, groups, density. */

import { facetNamed, given, table } from "./data.js";
import { byId, element, later, option } from "./dom.js";
import { change, onChange, state, withoutFilters } from "./state.js";
import { ROWS_AT_ONCE, columnsShown, defaultSort, drawTable, isCompact } from "./table.js";

const labelled = (text, control, id) => {
  control.id = id;
  return element("p", { className: "choice" }, element("label", { for: id }, text), control);
};

const facetControls = () => {
  for (const facet of table.facets) {
    if (facet.values.length < 2) continue;
    const values = [...facet.values].sort((one, other) => one.localeCompare(other));
    const control = element("select", { title: facet.definition }, option("", "any"), ...values.map((value) => option(value, value)));
    control.addEventListener("change", () => {
      const { [facet.key]: _, ...others } = state.facets;
      change({ facets: control.value === "" ? others : { ...others, [facet.key]: control.value } });
    });
    byId("filters").append(labelled(facet.label, control, `filter-${facet.key}`));
  }
  const second = element("select", {}, option("", "nothing"), ...table.columns.map((column) => option(column.key, column.label)));
  second.addEventListener("change", () => {
    const [first] = state.sort.length > 0 ? state.sort : defaultSort();
    const column = table.columns.find((one) => one.key === second.value);
    change({ sort: [first, ...(column && column.key !== first?.[0] ? [[column.key, column.first]] : [])].filter(Boolean) });
  });
  byId("filters").append(labelled("Then sort by", second, "second-sort"));
};

const groupControl = () => {
  const control = byId("group");
  for (const facet of table.facets) if (facet.values.length > 1) control.append(option(facet.key, facet.label));
  control.addEventListener("change", () => change({ group: control.value }));
};

const columnControls = () => {
  for (const [place, column] of table.columns.entries()) {
    if (place === 0) continue;
    const box = element("input", { type: "checkbox", value: column.key });
    box.addEventListener("change", () => {
      const boxes = [...byId("columns").querySelectorAll("input")];
      change({ columns: new Set(boxes.filter((one) => one.checked).map((one) => one.value)) });
    });
    byId("columns").append(element("label", { title: column.definition }, box, ` ${column.label}`));
  }
  const usual = element("button", { type: "button", className: "button" }, "Reset columns");
  usual.addEventListener("click", () => change({ columns: null }));
  byId("columns").append(usual);
};

/** Let the controls show the state, which may have come from the address. */
const showState = () => {
  const search = byId("search");
  if (search.value !== state.query) search.value = state.query;
  for (const facet of table.facets) {
    const control = byId(`filter-${facet.key}`);
    if (control) control.value = state.facets[facet.key] ?? "";
  }
  const num = Object.keys(state.facets).length;
  byId("filters-title").textContent = num > 0 ? `Filters (${num} set)` : "Filters";
  byId("second-sort").value = state.sort[1]?.[0] ?? "";
  byId("group").value = state.group;
  byId("density").value = isCompact() ? "compact" : "comfortable";
  const shown = new Set(columnsShown().map((place) => table.columns[place].key));
  for (const box of byId("columns").querySelectorAll("input")) box.checked = shown.has(box.value);
  const view = byId("view");
  if (view) view.value = state.view;
  byId("clear").hidden = state.query === "" && num === 0;
};

/** Make the controls, and draw the table whenever what they say changes. */
export const startTools = () => {
  facetControls();
  groupControl();
  columnControls();
  const search = byId("search");
  const look = () => state.query !== search.value && change({ query: search.value });
  search.addEventListener("input", later(look, 30));
  search.addEventListener("search", look); // Enter, and the cross that empties the field
  byId("density").addEventListener("change", (event) => change({ density: event.target.value }));
  byId("clear").addEventListener("click", () => change(withoutFilters()));
  byId("view")?.addEventListener("change", (event) => change({ view: event.target.value, limits: {}, above: null, pair: [], baseline: "", zoom: null }));
  onChange((names) => {
    if (names.every((name) => ["zoom", "baseline"].includes(name))) return;
    showState();
    drawTable(names.some((name) => name !== "pair" && name !== "limits") ? ROWS_AT_ONCE : undefined);
  });
  showState();
  byId("tools").hidden = false;
};
