/** Pictures side by side: of every line two columns are shown, in the order that the reader chose. */

export const startGalleries = () => {
  for (const gallery of document.querySelectorAll(".gallery")) {
    const sides = [...gallery.querySelectorAll("select.side")];
    const cells = [...gallery.querySelectorAll("[data-column]")];
    const showSides = () => {
      for (const cell of cells) {
        const side = sides.find((choice) => choice.value === cell.dataset.column);
        cell.hidden = side === undefined;
        if (side !== undefined) cell.style.order = side.dataset.side;
      }
    };
    for (const side of sides) {
      side.addEventListener("change", () => {
        const other = sides.find((choice) => choice !== side);
        if (other.value === side.value) other.value = side.dataset.before;
        for (const choice of sides) choice.dataset.before = choice.value;
        showSides();
      });
      side.dataset.before = side.value;
    }
    showSides();
    for (const image of gallery.querySelectorAll("img")) {
      image.decode().then(() => image.classList.toggle("tiny", image.naturalWidth <= 64));
    }
  }
};

/** Show the galleries of one task and split; all of them for "". */
export const showGalleries = (view) => {
  for (const gallery of document.querySelectorAll(".gallery")) gallery.hidden = view !== "" && gallery.dataset.view !== view;
};
