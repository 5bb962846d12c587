/** The small charts of learning rates. */

import { chartColours } from "./colours.js";
import { given } from "./data.js";

export const startCurves = () => {
  if (given.curves.length === 0) return;
  const draw = () => {
    const config = chartColours();
    given.curves.forEach((spec, place) => {
      // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only.
      window.vegaEmbed(`#curve-${place}`, spec, { actions: false, renderer: "svg", ast: true, logLevel: 1, config });
    });
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
};
