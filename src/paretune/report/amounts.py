"""How much was trained on and asked: examples seen, and what few questions cannot tell."""

from collections.abc import Sequence
from typing import Any

from paretune.analysis import Row
from paretune.analysis.decisions.phrases import corrected_for, gap, needs_no_name, number
from paretune.analysis.statistics.sample_size import ONE_IN_FOUR, Noise, detectable_difference
from paretune.analysis.table.clustered import cluster_word
from paretune.analysis.table.scored import by_task
from paretune.report.format import plain
from paretune.spec import Metric, Recipe, Record

FEW_ITEMS = 100
"""Below so many test items a plan and a page warn."""


def training_notes(rows: Sequence[Row]) -> list[str]:
    """Return how many examples training saw, a sentence for each task, with the methods that differ from most."""
    return [note for inside in by_task(rows) for note in _training_note(inside, several=len(by_task(rows)) > 1)]


def _training_note(rows: Sequence[Row], *, several: bool) -> list[str]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.records[0].trial.method.trains:
            found.setdefault(seen_text(row.records[0].trial.recipe, row.records[0].epochs), []).append(row.method)
    if not found:
        return []
    usual = max(found, key=lambda text: len(found[text]))
    others = "".join(f"; {', '.join(dict.fromkeys(names))}: {text}" for text, names in found.items() if text != usual)
    task = f", {rows[0].task}" if several else ""
    return [plain(f"Training of each method{task}: {usual}{others}.")]


def seen_text(recipe: Recipe, epochs: float | None) -> str:
    """Return how many examples training sees: "1,200 examples (150 steps of 8), 3 epochs"."""
    examples = recipe.num_examples_seen
    text = (
        f"{examples:,} example{'' if examples == 1 else 's'} ({recipe.steps:,} steps of {recipe.examples_per_step:,})"
    )
    return text if epochs is None else f"{text}, {_epochs(epochs)}"


def training_json(record: Record) -> dict[str, Any]:
    """Return the same for machines."""
    trains = record.trial.method.trains
    return {"num_examples_seen": record.trial.recipe.num_examples_seen if trains else None, "epochs": record.epochs}


def power_notes(rows: Sequence[Row]) -> list[str]:
    """Return which differences each task's results can find, or a warning of few items where that is not known."""
    found = []
    for inside in by_task(rows):
        if note := _power_note(inside, several=len(by_task(rows)) > 1):
            found.append(note)
            continue
        most = max((record.num_items or 0 for row in inside for record in row.records), default=0)
        if 0 < most < FEW_ITEMS:
            found.append(few_items_note(inside[0].main_metric, most))
    return list(dict.fromkeys(found))


def _power_note(rows: Sequence[Row], *, several: bool) -> str | None:
    standings = [row.standing for row in rows if row.standing is not None and row.trains]
    power = next((one.power for one in standings if one.power is not None), None)
    if power is None:
        return None
    metric = rows[0].main_metric
    seeds = sorted({one.estimate.num_seeds for one in standings})
    items = f"these {max(one.estimate.num_questions for one in standings):,} {metric.items}"
    if any(one.sampling_note for one in standings):
        items += f" and their {cluster_word(rows[0].task_spec)}s"
    each = "/".join(map(str, seeds)) + f" seed{'' if seeds == [1] else 's'} a method"
    if power.num_pairs > 1:
        each += f" and the correction for {corrected_for(power.num_pairs, power.num_rows)}"
    given = f"{f'{rows[0].task}: w' if several else 'W'}ith {items}, {each}, "
    if power.difference >= metric.widest:
        text = f"{given}not even the largest possible difference in {metric.words} is likely to be found."
    else:
        least = gap(metric, power.difference) + ("" if needs_no_name(metric) else f" in {metric.words}")
        text = (
            f"{given}the true difference of two trained methods must typically be larger than about {least} to be "
            "found in 4 of 5 repeats (80% power)."
        )
    return plain(text if max(seeds) > 1 else f"{text} Seed variance is not included.")


def few_items_note(metric: Metric, num_items: int) -> str:
    """Return what so few items cannot tell. Only of a share it is known before anything has run."""
    start = f"Only {num_items} {metric.items} in the test"
    if not metric.is_share:
        return f"{start}: small differences of {metric.words} cannot be detected."
    least = gap(metric, round(detectable_difference(Noise(ONE_IN_FOUR, 0.0), num_items, 1), 2))
    return (
        f"{start}: with one seed each, differences of {metric.words} below about {least} cannot be detected. More "
        f"seeds lower that; {metric.items} that come in clusters and the correction for many pairs raise it."
    )


def _epochs(epochs: float) -> str:
    shown = number(round(epochs, 2 if epochs < 1 else 1))
    shown = shown.rstrip("0").rstrip(".") if "." in shown else shown
    return f"{shown} epoch{'' if shown == '1' else 's'}"
