"use strict";
(() => {
  const { curves } = JSON.parse(document.getElementById("page-data").textContent);
  if (curves.length === 0) return;
  const draw = () => {
    const config = window.pageColours();
    curves.forEach((spec, place) => {
      // `ast` evaluates expressions without eval, which the page forbids. Level 1 tells errors only.
      window.vegaEmbed(`#curve-${place}`, spec, { actions: false, renderer: "svg", ast: true, logLevel: 1, config });
    });
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
