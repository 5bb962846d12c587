/** What the page holds: small things as JSON, rows compressed. Everything in it is data and only ever becomes text. */

export const given = JSON.parse(document.getElementById("page-data").textContent);

/** Return the bytes that base64 stands for. */
export const bytesOf = (text) => {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place += 1) bytes[place] = letters.charCodeAt(place);
  return bytes;
};

/** Return what Python packed. */
export const unpack = async (text) => {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
};

export const table = await unpack(given.rows);
export const numRows = table.label.length;
export const metricNamed = Object.fromEntries(given.metrics.map((metric) => [metric.name, metric]));
export const facetNamed = Object.fromEntries(table.facets.map((facet) => [facet.key, facet]));
export const columnPlace = Object.fromEntries(table.columns.map((column, place) => [column.key, place]));

/** Return the text of a row's facet, such as its family. */
export const facetOf = (key, row) => facetNamed[key].values[facetNamed[key].places[row]];
