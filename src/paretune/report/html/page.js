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
  // Names: each takes the first place around its point where it covers neither a point nor an earlier name. Points on
  // the front come first, and take the emptiest place where none is free; another name is then left to the tooltip.
  const pen = document.createElement("canvas").getContext("2d");
  const aroundPoint = (x, y, long) => {
    const sides = { right: [x + 6, x + 9 + long], left: [x - 9 - long, x - 6], middle: [x - long / 2, x + long / 2] };
    const box = (side, above, below) => [sides[side][0], y + above, sides[side][1], y + below];
    return {
      "above right": box("right", -17, -2),
      "below right": box("right", 2, 17),
      "above left": box("left", -17, -2),
      "below left": box("left", 2, 17),
      above: box("middle", -27, -12),
      below: box("middle", 12, 27),
    };
  };
  const covered = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const placeNames = (found, chart) => {
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    const [along, up] = [chart.scale("x"), chart.scale("y")];
    const dots = found.map((point) => ({ x: along(point.cost), y: up(point.quality) }));
    const taken = dots.map(({ x, y }) => [x - 5, y - 5, x + 5, y + 5]);
    const order = found.map((_, index) => index).sort((one, other) => found[other].front - found[one].front);
    for (const index of order) {
      const { x, y } = dots[index];
      const places = Object.entries(aroundPoint(x, y, pen.measureText(found[index].label).width))
        .filter(([, box]) => box[0] >= 0 && box[2] <= chart.width())
        .map(([corner, box]) => {
          const hidden = taken.reduce((sum, other, place) => sum + (place === index ? 0 : covered(box, other)), 0);
          return { corner, box, hidden };
        })
        .sort((one, other) => one.hidden - other.hidden);
      if (places.length > 0 && (places[0].hidden === 0 || found[index].front)) {
        taken.push(places[0].box);
        found[index].corner = places[0].corner;
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
    const missing = data.points.filter((point) => (view() === null || point.view === view()) && !found.some((one) => one.row === point.row));
    document.getElementById("cost-definition").textContent = `${costChoice.selectedOptions[0].text}: ${costChoice.selectedOptions[0].dataset.definition}`;
    document.getElementById("not-drawn").textContent =
      missing.length > 0 ? `Not shown (no value): ${missing.map((point) => point.label).join(", ")}.` : "";
    const main = found[0]?.metric ?? Object.keys(data.specs).find((name) => cost in data.specs[name]);
    if (!(cost in data.specs[main])) {
      document.getElementById("chart").replaceChildren("Fewer than two methods have a value of this cost.");
      document.getElementById("chart").dataset.drawn = cost;
      return;
    }
    // Vega marks the objects that it is given as its own: names are placed on copies.
    const spec = { ...data.specs[main][cost], datasets: { points: structuredClone(found) } };
    // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only: a front may be empty.
    const { view: chart } = await window.vegaEmbed("#chart", spec, { actions: false, renderer: "svg", ast: true, logLevel: 1, config: colours() });
    placeNames(found, chart);
    await chart.data("points", found).runAsync();
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
