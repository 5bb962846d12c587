(() => {
  // Of every line of drawings two columns are shown, in the order that the reader chose.
  for (const gallery of document.querySelectorAll(".gallery")) {
    const sides = [...gallery.querySelectorAll("select.side")];
    const cells = [...gallery.querySelectorAll("[data-column]")];
    const show = () => {
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
        show();
      });
      side.dataset.before = side.value;
    }
    show();
    for (const image of gallery.querySelectorAll("img")) {
      image.decode().then(() => image.classList.toggle("tiny", image.naturalWidth <= 64));
    }
  }

  // A gallery belongs to a task and split, as rows of the table do.
  const choice = document.getElementById("view");
  if (choice !== null) {
    const follow = () => {
      for (const gallery of document.querySelectorAll(".gallery")) gallery.hidden = gallery.dataset.view !== choice.value;
    };
    choice.addEventListener("change", follow);
    follow();
  }
})();
