/**
 * Where names of points stand: each takes the first place around its point where it covers neither a point nor an
 * earlier name. Points on the front come first, and take the emptiest place where none is free; another name is then
 * left to the tooltip.
 */

const pen = document.createElement("canvas").getContext("2d");

const aroundPoint = (x, y, long) => {
  const sides = { right: [x + 6, x + 9 + long], left: [x - 9 - long, x - 6], middle: [x - long / 2, x + long / 2] };
  const box = (side, above, below) => [sides[side][0], y + above, sides[side][1], y + below];
  return {
    "above right": box("right", -17, -2),
    "below right": box("right", 2, 17),
    "above left": box("left", -17, -2),
    "below left": box("left", 2, 17),
    "higher right": box("right", -32, -17),
    "lower right": box("right", 17, 32),
    above: box("middle", -27, -12),
    below: box("middle", 12, 27),
  };
};

const covered = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

/** Write into each of `named` at which corner its name stands; names keep clear of all `points` of the chart. */
export const placeNames = (named, points, chart) => {
  pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const [along, up] = [chart.scale("x"), chart.scale("y")];
  const boxAt = (x, y) => [x - 5, y - 5, x + 5, y + 5];
  const boxes = new Map(points.map((point) => [point, boxAt(along(point.x_value), up(point.y_value))]));
  const taken = [...boxes.values()];
  for (const point of points) point.corner = "";
  for (const point of [...named].sort((one, other) => other.front - one.front)) {
    const own = boxes.get(point);
    const places = Object.entries(aroundPoint(own[0] + 5, own[1] + 5, pen.measureText(point.label).width))
      .filter(([, box]) => box[0] >= 0 && box[2] <= chart.width() && box[1] >= 0 && box[3] <= chart.height())
      .map(([corner, box]) => ({ corner, box, hidden: taken.reduce((sum, other) => sum + (other === own ? 0 : covered(box, other)), 0) }))
      .sort((one, other) => one.hidden - other.hidden);
    if (places.length > 0 && (places[0].hidden === 0 || point.front)) {
      taken.push(places[0].box);
      point.corner = places[0].corner;
    }
  }
};
