/** The Pareto front of two values, by the rule of analysis/statistics/pareto.py. */

/** Return the places of points that no other dominates, of [x, y] of which less is better: equal points stay together. */
export const undominated = (points) => {
  const order = points.map((_, place) => place).sort((one, other) => points[one][0] - points[other][0] || points[one][1] - points[other][1]);
  const found = [];
  let least = Infinity; // y of all points whose x is smaller
  for (let start = 0; start < order.length; ) {
    const [x, y] = points[order[start]];
    let end = start;
    while (end < order.length && points[order[end]][0] === x) end += 1;
    if (y < least) found.push(...order.slice(start, end).filter((place) => points[place][1] === y));
    least = Math.min(least, y);
    start = end;
  }
  return found;
};
