"""What there is: tasks and results."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table


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


def show_results(folder: Path, *, as_json: bool) -> None:
    """Print the table of a study's records."""
    from paretune.report import results_json, results_summary
    from paretune.store import Store, load_planned_records, read_plan

    records, plan, answers = load_planned_records(folder), read_plan(folder), Store(folder).scores
    if as_json:
        print(json.dumps(results_json(records, answers, plan), indent=1))
        return
    Console().print(results_summary(records, answers, plan))
