"""What there is: tasks and results."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from paretune.analysis.floor import Floor


def show_tasks(*, as_json: bool) -> None:
    """Print every task with where its data comes from."""
    from paretune.tasks import task_cards

    cards = task_cards()
    if as_json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=1))
        return
    table = Table("Task", "Version", "Main metric", "Source", "Licence", "What it asks")
    for card in cards:
        table.add_row(card.name, card.version, card.main_metric, card.source, card.licence, card.description)
    Console().print(table)


def floor_from(min_accuracy: str | None) -> "Floor | None":
    """Return the least accuracy of rows on a front, as it was typed; None for the default, the base model's."""
    from paretune.analysis.quantities import parse_amount

    return None if min_accuracy is None else {"accuracy": parse_amount("accuracy", min_accuracy, "--min-accuracy")}


def show_results(folder: Path, *, min_accuracy: str | None, as_json: bool) -> None:
    """Print the table of a study's records."""
    from paretune.report import results_json, results_summary
    from paretune.store import Store, load_planned_records, read_plan

    records, plan, answers = load_planned_records(folder), read_plan(folder), Store(folder).scores
    floor = floor_from(min_accuracy)
    if as_json:
        print(json.dumps(results_json(records, answers, plan, floor), indent=1))
        return
    Console().print(results_summary(records, answers, plan, floor))
