"""The analysis behind table and page, and the page itself: seconds and memory for studies of many rows.

    python -m benchmarks.page [--rows 63 250 1000] [--kinds answers means] [--profile]
    python -m benchmarks.page --browser [--rows 63 1000] [--kinds means]

Two kinds of made-up study: tuned ones, of three seeds each with the answers to 120 questions and the forgetting of 12
texts; and published ones, of which only means are known. Measured are table, ties, rank sets and front probabilities
from records that are in memory, each study in a process of its own. Answers are made when they are asked for.

With --browser: the page is written and opened in Chromium. "paint" is its first contentful paint and "ready" when all
controls work, both from the start of loading; "filter", "search" and "sort" are the script's time with layout, of which
the median of seven is shown. "cpu" is the processor time of the page's main thread for the same, which other work on
the machine lengthens less.
"""

import argparse
import cProfile
import json
import multiprocessing
import pstats
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paretune.analysis import Answers, judged_rows, no_answers
from paretune.report import PageSources, write_page
from paretune.spec import Imported, Record
from paretune.store.items import QuestionScores
from tests.records import make_record, make_study

SIZES = (63, 250, 1_000, 10_000)
_SEEDS, _QUESTIONS, _TEXTS = 3, 120, 12
_NAMES = [f"q{place:04}" for place in range(_QUESTIONS)]


def main() -> None:
    """Print a table of sizes, or with --profile what takes the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    parser.add_argument("--kinds", nargs="+", default=["answers", "means"], choices=["answers", "means"])
    parser.add_argument("--profile", action="store_true", help="Print what takes the time.")
    parser.add_argument("--browser", action="store_true", help="Write pages and open them in Chromium.")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.browser:
        _print_pages(arguments.rows, arguments.kinds)
        return
    if arguments.alone:
        print(json.dumps(_measured(arguments.rows[0], arguments.kinds[0], profiled=arguments.profile)))
        return
    print(f"{'study':<10}{'rows':>8}{'seconds':>10}{'elapsed':>10}{'peak GB':>10}{'records GB':>12}{'growth':>9}")
    for kind in arguments.kinds:
        before = None
        for rows in arguments.rows:
            call = [sys.executable, "-m", "benchmarks.page", "--alone", "--rows", str(rows), "--kinds", kind]
            call += ["--profile"] if arguments.profile else []
            done = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            growth = "" if before is None else f"{found['seconds'] / before:.1f}"
            before = found["seconds"]
            print(
                f"{kind:<10}{rows:>8,}{found['seconds']:>10.2f}{found['elapsed']:>10.2f}{found['peak']:>10.2f}"
                f"{found['records']:>12.2f}{growth:>9}",
                flush=True,
            )


def _measured(rows: int, kind: str, *, profiled: bool) -> dict[str, float]:
    """Return processor seconds, elapsed ones, and gigabytes at the peak and of records alone."""
    records, answers = made_up(rows, kind)
    judged_rows([record for record in records if record.trial.method.label in {"base", "m00001"}], answers)  # imports
    held = _peak()
    profile = cProfile.Profile() if profiled else None
    processor, elapsed = time.process_time(), time.perf_counter()
    found = judged_rows(records, answers) if profile is None else profile.runcall(judged_rows, records, answers)
    spent = {"seconds": time.process_time() - processor, "elapsed": time.perf_counter() - elapsed}
    assert len([row for row in found if row.standing]) == rows
    if profile is not None:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    return spent | {"peak": _peak(), "records": held}


def _print_pages(sizes: list[int], kinds: list[str]) -> None:
    """Print a table of pages: how long they take to write and to use, and how large they are."""
    names = ["write s", "elapsed", "peak GB", "file MB", "paint ms", "ready ms"]
    names += [f"{control} {time}" for time in ("ms", "cpu") for control in ("filter", "search", "sort")]
    print(f"{'study':<10}{'rows':>8}" + "".join(f"{name:>11}" for name in names))
    for kind in kinds:
        for rows in sizes:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "index.html"
                process = multiprocessing.get_context("spawn").Pool(1)
                with process:
                    written = process.apply(_written, (rows, kind, str(path)))
                values = [*written, path.stat().st_size / 1e6, *_used(path)]
            print(f"{kind:<10}{rows:>8,}" + "".join(f"{value:>11.2f}" for value in values), flush=True)


def _written(rows: int, kind: str, path: str) -> tuple[float, float, float]:
    """Write a page; return processor and elapsed seconds, and gigabytes at the peak."""
    records, answers = made_up(rows, kind)
    write_page(records[:2], make_study(), path)  # imports
    processor, elapsed = time.process_time(), time.perf_counter()
    write_page(records, make_study(), path, PageSources(answers=answers))
    return time.process_time() - processor, time.perf_counter() - elapsed, _peak()


def _used(path: Path) -> list[float]:
    """Return the milliseconds until a page is painted and ready, and those of its controls."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(600_000)
        counters = page.context.new_cdp_session(page)
        counters.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]", timeout=300_000)
        page.wait_for_timeout(2_000)
        found: list[float] = page.evaluate(_MEASURE)
        page.wait_for_timeout(2_000)
        for action in _ACTIONS:
            spent = []
            for number in range(7):
                before = _processor(counters)
                page.evaluate(f"number => {{ {action}; {_LAYOUT} }}", number)
                spent.append(_processor(counters) - before)
                page.wait_for_timeout(500)
            found.append(statistics.median(spent))
        browser.close()
    return found


def _processor(counters: Any) -> float:
    """Return the milliseconds of the processor that a page's script, styles and layout took so far."""
    values: dict[str, float] = {one["name"]: one["value"] for one in counters.send("Performance.getMetrics")["metrics"]}
    return 1000 * sum(values[name] for name in ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration"))


_LAYOUT = 'document.getElementById("results").getBoundingClientRect();'
_ACTIONS = (
    """const control = document.querySelector("#filters select[id^=filter-]");
       if (control !== null) control.value = control.options[(number + 1) % control.options.length].value;
       control?.dispatchEvent(new Event("change"))""",
    """const facet = document.querySelector("#filters select[id^=filter-]");
       if (number === 0 && facet !== null) { facet.value = ""; facet.dispatchEvent(new Event("change")); }
       const control = document.getElementById("search");
       control.value = ["m00", "", "m0001", "m1", "lora", "m", ""][number];
       control.dispatchEvent(new Event("search"))""",
    """document.querySelectorAll("#results thead button")[1 + number % 5].click()""",
)
"""A filter, a search, and sorting by a column, the first of seven times with number 0."""
_MEASURE = """async () => {
  const timed = (act) => {
    const from = performance.now();
    act();
    document.getElementById("results").getBoundingClientRect();
    return performance.now() - from;
  };
  const median = (values) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)];
  const times = (act) => median(Array.from({ length: 7 }, (_, number) => timed(() => act(number))));
  const choose = (id, value) => {
    const control = document.getElementById(id);
    if (control === null) return; // of these rows all have the same
    control.value = value;
    control.dispatchEvent(new Event("change"));
  };
  const search = async (text) => {
    const control = document.getElementById("search");
    control.value = text;
    const from = performance.now();
    control.dispatchEvent(new Event("search"));
    document.getElementById("results").getBoundingClientRect();
    return performance.now() - from;
  };
  const facet = document.querySelector("#filters select[id^=filter-]");
  const values = [...(facet?.options ?? [])].map((one) => one.value);
  const filter = facet === null ? NaN : times((number) => choose(facet.id, values[(number + 1) % values.length]));
  choose(facet?.id, "");
  const searches = [];
  for (const text of ["m00", "", "m0001", "m1", "lora", "m", ""]) searches.push(await search(text));
  const sort = times((number) => document.querySelectorAll("#results thead button")[1 + number % 5].click());
  const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN;
  const ready = performance.getEntriesByName("ready")[0].startTime;
  return [paint, ready, filter, median(searches), sort];
}"""


def made_up(rows: int, kind: str) -> tuple[list[Record], Answers]:
    """Return the records of a study of so many rows, and the answers behind them: "answers", or only "means"."""
    return _tuned(rows) if kind == "answers" else (list(_published(rows)), no_answers)


def _peak() -> float:
    """Return the most memory that the process has held so far, in gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _tuned(rows: int) -> tuple[list[Record], Answers]:
    """Return the records of a study with the untouched base and with tuned methods, and the answers behind them."""
    rng = np.random.default_rng(1)
    hard = rng.normal(size=_QUESTIONS)
    records, right, places = [], np.empty((rows, _SEEDS, _QUESTIONS), dtype=bool), {}
    for row in range(rows):
        label = "base" if row == 0 else f"m{row:05}"
        skill = -1.5 if row == 0 else 0.8 * rng.normal()
        level = skill + hard + 0.7 * rng.normal(size=_QUESTIONS) + 0.1 * rng.normal(size=(_SEEDS, 1))
        right[row] = level + rng.normal(size=(_SEEDS, _QUESTIONS)) > 0
        size = float(rng.integers(1, 400))
        for seed in range(1 if row == 0 else _SEEDS):
            costs = {} if row == 0 else _costs(size, skill, rng)
            made = make_record(
                label,
                seed=seed,
                metrics={"accuracy": float(right[row, seed].mean()), **costs},
                num_items=_QUESTIONS,
                text_loss_changes=(0.02 * skill + 0.1 * rng.normal(size=_TEXTS)).tolist() if row else [0.0] * _TEXTS,
            )
            # A record that was read from its file shares nothing with the others.
            records.append(Record.model_validate_json(made.model_dump_json()))
            places[made.trial_id] = row, seed

    def answers(record: Record) -> QuestionScores:
        row, seed = places[record.trial_id]
        return QuestionScores(dict(zip(_NAMES, right[row, seed].astype(float).tolist(), strict=True)), {})

    return records, answers


def _costs(size: float, skill: float, rng: np.random.Generator) -> dict[str, float]:
    """Return costs of which those that only a model's parameters decide are the same for all seeds."""
    return {
        "train_peak_bytes": 1e9 + 1e7 * size * float(np.exp(0.3 * skill)),
        "step_seconds": 2 + 0.004 * size + 0.05 * float(rng.random()),
        "checkpoint_bytes": 1e5 * size,
        "trainable_parameters": 25_000 * size,
        "forgetting": 0.02 * skill + 0.02 * float(rng.normal()),
    }


def _published(rows: int) -> Iterator[Record]:
    """Yield records as an importer makes them: one run each, without answers."""
    rng = np.random.default_rng(2)
    for row in range(rows):
        skill, size = rng.normal(), float(rng.integers(1, 400))
        made = make_record(
            "base" if row == 0 else f"m{row:05}",
            metrics={"accuracy": float(0.02 + 0.5 / (1 + np.exp(-skill)) * (row > 0)), **_costs(size, skill, rng)},
            num_items=1_319,
            imported=Imported(source="theirs", file=f"{row}.json"),
        )
        yield Record.model_validate_json(made.model_dump_json())


if __name__ == "__main__":
    main()
