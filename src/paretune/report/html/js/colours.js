/** Colours and fonts of charts, those of the page. */

/**
 * Return the configuration of a chart. An SVG has the names of colours, which follow theme and print. A canvas has their
 * values, the background's too: printed from a dark page it stays dark, and readable.
 */
export const chartColours = (renderer = "svg") => {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => (renderer === "svg" ? `var(${name})` : style.getPropertyValue(name).trim());
  const [ink, soft, line, accent, card] = ["--ink", "--soft", "--line", "--accent", "--card"].map(colour);
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: card,
    font,
    view: { stroke: null },
    axis: {
      labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 10, labelFlush: false,
    },
    line: { color: accent, strokeWidth: 2, strokeDash: [5, 4] },
    rule: { color: soft, strokeWidth: 1.2 },
    point: { color: accent },
    text: { color: ink, fontSize: 12 },
  };
};
