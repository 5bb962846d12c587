/** Values as people read them, to the last digit as the Python side writes them (report/format.py). */

const MISSING = "–";

/** Return a number with so many decimals; halves go to the even digit, as in Python. */
export const fixed = (value, decimals) => {
  const doubled = value * 2 ** (decimals + 1); // exact: a half at this decimal is an odd multiple of it
  if (Number.isInteger(doubled) && Math.abs(doubled % 2) === 1) {
    const below = Math.floor(value * 10 ** decimals);
    return ((below % 2 === 0 ? below : below + 1) / 10 ** decimals).toFixed(decimals);
  }
  return value.toFixed(decimals);
};

/** Return a number without the sign of a zero. */
const unsigned = (text) => (Number(text) === 0 ? text.replace("-", "") : text);

const threeDigits = (value) => fixed(value, Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0);

const multiple = (value, multiples, unit) => {
  for (const [factor, name] of multiples) if (Math.abs(value) >= factor * 0.9995) return threeDigits(value / factor) + name;
  return (Number.isInteger(value) ? fixed(value, 0) : threeDigits(value)) + unit;
};

/** Return a number with three digits after the first, as "12.35" or "1,235". */
const plainNumber = (value) => {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1e7 || Math.abs(value) < 1e-6) return exponential(value);
  const decimals = Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value)))));
  const [whole, rest] = fixed(value, decimals).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest === undefined ? "" : `.${rest}`);
};

/** Return a very large or small number with three digits, as Python's "%.3g" does. */
const exponential = (value) => {
  const [digits, power] = value.toExponential(2).split("e");
  const short = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  const size = String(Math.abs(Number(power))).padStart(2, "0");
  return `${short}e${Number(power) < 0 ? "-" : "+"}${size}`;
};

const writers = {
  fraction: (value) => `${fixed(value * 100, 1)}%`,
  bytes: (value) => multiple(value, [[1e9, " GB"], [1e6, " MB"], [1e3, " kB"]], " B"),
  seconds: (value) => (Math.abs(value) < 0.9995 ? `${threeDigits(value * 1e3)} ms` : `${threeDigits(value)} s`),
  points: (value) => `${unsigned(fixed(value, 1))} points`,
  count: (value) => multiple(value, [[1e9, "G"], [1e6, "M"], [1e3, "k"]], ""),
  "plain number": plainNumber,
};

/** Return a value of a metric as text with its unit, or a dash where it is missing. */
export const show = (metric, value) => {
  if (value === null || value === undefined) return MISSING;
  if (metric.unit === "nats per token" || metric.unit === "cosine") {
    const plain = unsigned(fixed(value, 3));
    return metric.name === "forgetting" && !plain.startsWith("-") ? `+${plain}` : plain;
  }
  return writers[metric.unit](value);
};

/** Return an interval of a value, short. */
export const span = (metric, low, high, between = "–") => {
  if (metric.unit === "fraction") {
    const whole = fixed(low * 100, 0) !== fixed(high * 100, 0) ? 0 : 1;
    return `${fixed(low * 100, whole)}%${between}${fixed(high * 100, whole)}%`.replace("%–", "–");
  }
  if (metric.unit === "points") return `${unsigned(fixed(low, 1))}${between}${show(metric, high)}`;
  if (metric.unit === "cosine" || metric.unit === "nats per token") return `${fixed(low, 2)}${between}${fixed(high, 2)}`;
  return `${show(metric, low)}${between}${show(metric, high)}`;
};

/** Return a difference with its sign and without its unit: "+3.2" points of a share, "-0.032". */
export const signed = (metric, amount) => {
  const isNegative = amount < 0 || (metric.unit === "fraction" && Object.is(amount, -0));
  const size = Math.abs(amount);
  return (isNegative ? "-" : "+") + (metric.unit === "fraction" ? fixed(100 * size, 1) : metric.unit === "cosine" ? fixed(size, 3) : plainNumber(size));
};

/** Return the unit of a difference, as `signed` leaves it out: "" where it has none. */
export const differenceUnit = ({ unit }) => (unit === "fraction" ? "points" : ["nats per token", "seconds", "bytes", "points"].includes(unit) ? unit : "");

/** Return a probability as whole per cent, never as certain by rounding. */
export const probability = (share) => {
  if (share === null || share === undefined) return MISSING;
  if (share > 0 && share < 0.005) return "<1%";
  return share >= 0.995 && share < 1 ? ">99%" : `${fixed(share * 100, 0)}%`;
};
