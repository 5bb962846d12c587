/** Starts what the page consists of, with the state that its address holds. */

import { startChart } from "./chart.js";
import { startCurves } from "./curves.js";
import { detailsOf, nameButton } from "./details.js";
import { startDownloads } from "./download.js";
import { startForest } from "./forest.js";
import { frontMark } from "./front.js";
import { showGalleries, startGalleries } from "./gallery.js";
import { startLimits, whyNot } from "./limits.js";
import { startParallel } from "./parallel.js";
import { change, onChange, restore, state } from "./state.js";
import { connectTable, drawTable } from "./table.js";
import { startTools } from "./tools.js";
import { startVersus } from "./versus.js";

restore(location.hash);
connectTable({ mark: frontMark, reasons: whyNot, name: nameButton, details: detailsOf });
startTools();
startDownloads();
drawTable();
startLimits();
startChart();
startParallel();
startCurves();
startGalleries();
startForest();
startVersus();
showGalleries(state.view);
onChange(() => showGalleries(state.view));
addEventListener("hashchange", (event) => {
  restore(new URL(event.newURL).hash);
  change({ ...state });
});
document.documentElement.dataset.ready = "yes";
performance.mark("ready");
