"use strict";
(() => {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const table = document.getElementById("results");
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const viewChoice = document.getElementById("view");
  const costChoice = document.getElementById("cost");

  // Sorting: missing values stay last in both orders, and equal ones keep their order.
  const compare = (one, other) => {
    const [a, b] = [Number(one), Number(other)];
    return Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a - b;
  };
  const sortBy = (place, order) => {
    const value = (row) => row.cells[place].dataset.value;
    const sign = order === "descending" ? -1 : 1;
    const rows = [...body.rows].sort((one, other) => {
      const [a, b] = [value(one), value(other)];
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * compare(a, b);
    });
    body.append(...rows);
    headings.forEach((heading, index) => {
      if (index === place) heading.setAttribute("aria-sort", order);
      else heading.removeAttribute("aria-sort");
    });
  };
  headings.forEach((heading, place) => {
    const button = heading.querySelector("button");
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      const opposite = now === "descending" ? "ascending" : "descending";
      sortBy(place, now ? opposite : button.dataset.first);
    });
  });

  // The table follows the chosen task and cost.
  const view = () => (viewChoice ? viewChoice.value : null);
  const showRows = () => {
    for (const row of body.rows) {
      row.hidden = viewChoice !== null && row.dataset.view !== view();
      const mark = row.querySelector(".front-mark");
      mark.textContent = (costChoice !== null && JSON.parse(row.dataset.marks)[costChoice.value]) || "";
      mark.hidden = mark.textContent === "";
    }
  };

  // The chart: the specification of the chosen cost, with the points of the chosen task.
  const points = (cost) =>
    data.points
      .filter((point) => view() === null || point.view === view())
      .filter((point) => point.quality !== null && cost in point.costs)
      .map((point) => {
        const value = point.costs[cost];
        const margin = point.cost_margins[cost] ?? 0;
        return {
          ...point,
          cost: value,
          cost_text: point.cost_texts[cost],
          cost_low: value - margin,
          cost_high: value + margin,
          front: point.fronts.includes(cost),
          share: point.shares[cost],
          standing: [point.tied ? "tied for best" : "", `on the front: ${point.share_texts[cost]}`].filter(Boolean).join(", "),
        };
      });
  // Names: each takes the first corner of its point where it covers neither a point nor an earlier name. Sizes are
  // estimates; a name that finds no place is left to the tooltip.
  const placeNames = (found, logarithmic) => {
    const width = Math.max(200, document.getElementById("chart").clientWidth - 110);
    const along = (value) => (logarithmic ? Math.log(value) : value);
    const costs = found.map((point) => along(point.cost_low));
    const ends = found.map((point) => along(point.cost_high));
    const [first, last] = [Math.min(...costs), Math.max(...ends)];
    const top = Math.max(...found.map((point) => point.high ?? point.quality));
    const zero = found.every((point) => data.zero_based.includes(point.metric));
    const bottom = zero ? 0 : Math.min(...found.map((point) => point.low ?? point.quality));
    const dots = found.map((point) => ({
      x: 24 + ((along(point.cost) - first) / (last - first || 1)) * (width - 48),
      y: (1 - (point.quality - bottom) / (top - bottom || 1)) * 380,
    }));
    const boxes = dots.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5]);
    const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
    const order = found.map((_, index) => index).sort((one, other) => found[other].front - found[one].front);
    for (const index of order) {
      const { x, y } = dots[index];
      const long = 9 + 6.6 * found[index].label.length;
      for (const corner of ["above right", "below right", "above left", "below left"]) {
        const [left, right] = corner.endsWith("right") ? [x + 6, x + long] : [x - long, x - 6];
        const box = corner.startsWith("above") ? [left, y - 17, right, y - 2] : [left, y + 2, right, y + 17];
        if (right > width || left < 0 || boxes.some((other, place) => place !== index && meet(box, other))) continue;
        boxes.push(box);
        found[index].corner = corner;
        break;
      }
    }
  };
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const [ink, soft, line, accent] = ["--ink", "--soft", "--line", "--accent"].map((name) => style.getPropertyValue(name).trim());
    const font = getComputedStyle(document.body).fontFamily;
    return {
      background: null,
      font,
      view: { stroke: null },
      axis: { labelColor: soft, titleColor: soft, gridColor: line, domainColor: line, tickColor: line,
        labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 10, labelFlush: false },
      line: { color: accent, strokeWidth: 2, strokeDash: [5, 4] },
      rule: { color: soft, strokeWidth: 1.2 },
      point: { color: accent },
      text: { color: ink, fontSize: 12 },
    };
  };
  window.pageColours = colours;
  const draw = async () => {
    const cost = costChoice.value;
    const found = points(cost);
    placeNames(found, data.logarithmic.includes(cost));
    const missing = data.points.filter((point) => (view() === null || point.view === view()) && !found.some((one) => one.row === point.row));
    document.getElementById("cost-definition").textContent = costChoice.selectedOptions[0].dataset.definition;
    document.getElementById("not-drawn").textContent =
      missing.length > 0 ? `Not shown (no value): ${missing.map((point) => point.label).join(", ")}.` : "";
    const main = found[0]?.metric ?? Object.keys(data.specs).find((name) => cost in data.specs[name]);
    if (!(cost in data.specs[main])) {
      document.getElementById("chart").replaceChildren("Fewer than two methods have a value of this cost.");
      document.getElementById("chart").dataset.drawn = cost;
      return;
    }
    const spec = { ...data.specs[main][cost], datasets: { points: found } };
    // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only: a front may be empty.
    await window.vegaEmbed("#chart", spec, { actions: false, renderer: "svg", ast: true, logLevel: 1, config: colours() });
    document.getElementById("chart").dataset.drawn = cost;
  };
  const update = () => {
    showRows();
    if (costChoice !== null) draw();
  };
  viewChoice?.addEventListener("change", update);
  costChoice?.addEventListener("change", update);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  update();
})();
