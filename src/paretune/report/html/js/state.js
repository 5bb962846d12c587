/** What the reader chose. It is kept in the address, so that a copied address shows the same. */

import { facetNamed, given, table } from "./data.js";
import { later } from "./dom.js";

const EMPTY = () => ({
  view: given.views[0]?.key ?? "",
  query: "",
  sort: [],
  columns: null,
  density: "",
  group: "",
  facets: {},
  limits: {},
  above: null,
  needs: [],
  x: "",
  y: "",
  log: "",
  zoom: null,
  pair: [],
  baseline: "",
});

export const state = EMPTY();
const listeners = [];

/** Call a function with the names of what changed, after every change. */
export const onChange = (listener) => listeners.push(listener);

/** Write the state into the address, a moment after the last change: browsers allow that only so often. */
const remember = later(() => {
  const text = asText();
  history.replaceState(null, "", text === "" ? location.pathname + location.search : `#${text}`);
}, 150);

/** Change some of the state, keep it in the address, and tell everybody. */
export const change = (changes) => {
  Object.assign(state, changes);
  remember();
  for (const listener of listeners) listener(Object.keys(changes));
};

/** Return the state as the part of an address behind "#"; what was not chosen is left out. */
export const asText = () => {
  const found = new URLSearchParams();
  const initial = EMPTY();
  for (const name of ["view", "query", "density", "group", "x", "y", "log", "baseline"]) {
    if (state[name] !== initial[name]) found.set(name, state[name]);
  }
  for (const [key, order] of state.sort) found.append("sort", `${key}:${order}`);
  if (state.columns !== null) found.set("columns", [...state.columns].join(" "));
  for (const [key, value] of Object.entries(state.facets)) found.set(`only.${key}`, value);
  for (const [metric, value] of Object.entries(state.limits)) found.set(`limit.${metric}`, String(value));
  if (state.above !== null) found.set("above", String(state.above));
  if (state.needs.length > 0) found.set("needs", state.needs.join(" "));
  if (state.zoom !== null) found.set("zoom", state.zoom.map((end) => Number(end.toPrecision(4))).join(" "));
  for (const row of state.pair) found.append("pair", row);
  return found.toString();
};

/** Take the state from the part of an address that begins with "#". What the page does not know is ignored. */
export const restore = (hash) => {
  const asked = new URLSearchParams(hash.slice(1));
  const fresh = EMPTY();
  const number = (text) => (text !== null && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
  for (const name of ["query", "baseline"]) fresh[name] = asked.get(name) ?? fresh[name];
  for (const side of ["x", "y"]) if (given.chart?.[side].includes(asked.get(side))) fresh[side] = asked.get(side);
  if (["yes", "no"].includes(asked.get("log"))) fresh.log = asked.get("log");
  const ends = (asked.get("zoom") ?? "").split(" ").map(number);
  if (ends.length === 4 && !ends.includes(null) && ends[0] < ends[1] && ends[2] < ends[3]) fresh.zoom = ends;
  if (["compact", "comfortable"].includes(asked.get("density"))) fresh.density = asked.get("density");
  if (asked.get("view") === "" || given.views.some((view) => view.key === asked.get("view"))) fresh.view = asked.get("view");
  if (Object.hasOwn(facetNamed, asked.get("group") ?? "")) fresh.group = asked.get("group");
  const keys = new Set(table.columns.map((column) => column.key));
  for (const text of asked.getAll("sort")) {
    const [key, order] = [text.slice(0, text.lastIndexOf(":")), text.slice(text.lastIndexOf(":") + 1)];
    if (keys.has(key) && ["ascending", "descending"].includes(order)) fresh.sort.push([key, order]);
  }
  if (asked.has("columns")) fresh.columns = new Set(asked.get("columns").split(" ").filter((key) => keys.has(key)));
  for (const [name, value] of asked) {
    const facet = name.startsWith("only.") ? name.slice(5) : "";
    if (Object.hasOwn(facetNamed, facet) && facetNamed[facet].values.includes(value)) fresh.facets[facet] = value;
    const metric = name.startsWith("limit.") ? name.slice(6) : "";
    if (given.limited.includes(metric) && number(value) !== null) fresh.limits[metric] = number(value);
  }
  fresh.above = number(asked.get("above"));
  fresh.needs = (asked.get("needs") ?? "").split(" ").filter((name) => Object.hasOwn(given.capabilities, name));
  fresh.pair = asked.getAll("pair").slice(0, 2);
  Object.assign(state, fresh);
};

/** Forget what was filtered: search, filters and nothing else. */
export const withoutFilters = () => ({ query: "", facets: {} });
