/** Colours and fonts of charts, those of the page. */

export const chartColours = () => {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line, accent] = ["--ink", "--soft", "--line", "--accent"].map((name) => style.getPropertyValue(name).trim());
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: null,
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
