/** From values to places on an axis. */

/** Return round numbers between two ends, about so many. */
export const ticksOf = (low, high, about = 5) => {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((one) => one * power >= rough);
  const found = [];
  for (let number = Math.ceil(low / step); number * step <= high; number += 1) found.push(Number((number * step).toPrecision(12)));
  return found;
};

/** Return a function from values to heights, 1 for the best of them and 0 for the least good. */
export const heightsOf = (values, lower, logarithmic) => {
  const scale = logarithmic && values.every((value) => value > 0) ? Math.log : (value) => value;
  const [low, high] = [Math.min(...values), Math.max(...values)].map(scale);
  return (value) => (lower ? high - scale(value) : scale(value) - low) / (high - low);
};
