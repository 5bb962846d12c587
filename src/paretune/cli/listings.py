"""What there is: tasks and results."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from paretune.cli.data_report import print_data_reports
from paretune.cli.next_step import print_next_step
from paretune.report.format import plain
from paretune.spec import BUILT_IN_TEXT

if TYPE_CHECKING:
    from paretune.analysis.table.floor import Floor
    from paretune.spec import Metric
    from paretune.tasks import AnyTask

_LONGEST_DEFAULT = 40
_HOW_TO_SET = "Set them in the study file ([[tasks]], options = { NAME = VALUE }) or by --task-option NAME=VALUE."


def show_tasks(*, as_json: bool) -> None:
    """Print what each task is."""
    from paretune.tasks import task_cards, task_class

    cards = task_cards()
    if as_json:
        print(json.dumps([_task_json(task_class(card.name)) for card in cards], indent=1))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Task", "Main metric"):
        table.add_column(heading, no_wrap=True)
    table.add_column("What it is")
    for card in cards:
        table.add_row(card.name, card.main_metric.name, Text(card.description))
    more = (
        "Source, licence and options of a task: paretune tasks NAME",
        "Any task of lm-evaluation-harness: lm-eval:TASK, such as lm-eval:arc_easy (the extra lm-eval)",
        f"Forgetting is measured on general text, which is no task: {BUILT_IN_TEXT} (public domain). "
        "--general-text names another.",
    )
    Console().print(table, *(Text(line, "dim") for line in more), sep="\n")


def show_task(name: str, *, as_json: bool) -> None:
    """Print one task with all its options. Raises `InputError` for a name that is not known."""
    from paretune.tasks import Task, task_class

    task = task_class(name)
    if as_json:
        print(json.dumps(_task_json(task), indent=1))
        return
    card = task.card
    facts = {
        "Version": card.version,
        "Main metric": _metric_text(card.main_metric),
        "Also scored": "; ".join(map(_metric_text, card.metrics[1:])) or "nothing",
        "Source": card.source,
        "Licence": card.licence,
    }
    if card.cluster_meaning or card.cluster != "cluster":
        facts["Clusters"] = card.cluster_meaning or f"questions of one {card.cluster}"
    if card.parts:
        facts["Test parts"] = "; ".join(f"{name}: {meaning}" for name, meaning in card.parts.items())
    options = Table("Option", "Default", "Meaning", box=None, pad_edge=False)
    for option, default in task.default_options.items():
        value = json.dumps(default)
        shown = value if len(value) <= _LONGEST_DEFAULT else f"{value[: _LONGEST_DEFAULT - 3]}..."
        options.add_row(option, shown, task.about_options.get(option, ""))
    console = Console(highlight=False, markup=False)
    console.print(Text(f"{card.name}: {card.description}", "bold"))
    for label, fact in facts.items():
        console.print(_labelled(label, fact.replace("; ", "\n")), soft_wrap=True)
    if issubclass(task, Task) and (example := task.sample()) is not None:
        console.print("", Text("A training example", "bold"), sep="\n")
        for label, text in (("Prompt", example.prompt), ("Completion", example.completion), ("Target", example.target)):
            console.print(Text(_labelled(label, text)))
    console.print("", options, "", _HOW_TO_SET, sep="\n")


def _metric_text(metric: "Metric") -> str:
    return f"{metric.name} ({metric.direction} is better)"


def _labelled(label: str, text: str) -> str:
    """Return a text under a label in a column of its own, line by line."""
    lines = text.strip().splitlines() or [""]
    return "\n".join(f"{label if number == 0 else '':<12} {plain(line)}" for number, line in enumerate(lines))


def _task_json(task: "type[AnyTask]") -> dict[str, Any]:
    options = {
        name: {"default": default, "description": task.about_options.get(name)}
        for name, default in task.default_options.items()
    }
    card = task.card
    return card.model_dump(mode="json") | {"main_metric": card.main_metric.name, "options": options}


def floor_from(min_accuracy: str | None) -> "Floor | None":
    """Return the least accuracy of rows on a front, as it was typed; None for the default, the base model's."""
    from paretune.analysis.decisions.quantities import parse_amount
    from paretune.spec import METRICS

    return (
        None
        if min_accuracy is None
        else {"accuracy": parse_amount(METRICS["accuracy"], min_accuracy, "--min-accuracy")}
    )


def show_results(
    folder: Path, *, min_accuracy: str | None, price: str | None, at: str | None, gpu: str | None, as_json: bool
) -> None:
    """Print the table of a study's records, and where a model or GPU is named, what the same plan would cost there."""
    from paretune.cli.projecting import project
    from paretune.report import results_json, results_summary
    from paretune.report.cost import parse_price, projection_json, projection_lines
    from paretune.store import Store, load_planned_records, read_plan
    from paretune.store.kept_data_reports import read_data_reports

    records, plan, answers = load_planned_records(folder), read_plan(folder), Store(folder).scores
    floor, data = floor_from(min_accuracy), read_data_reports(folder)
    per_hour = None if price is None else parse_price(price)
    elsewhere = None if at is None and gpu is None else project(records, at, gpu, str(folder))
    if as_json:
        shown: dict[str, Any] = {"data": [report.model_dump(mode="json") for report in data]} if data else {}
        shown |= {} if elsewhere is None else projection_json(*elsewhere, per_hour)
        print(json.dumps(results_json(records, answers, plan, floor, per_hour) | shown, indent=1))
        return
    console = Console()
    console.print(results_summary(records, answers, plan, floor, per_hour))
    for line in () if elsewhere is None else projection_lines(*elsewhere, per_hour):
        console.print(Text(plain(line), "dim"))
    print_data_reports(data, console)
    print_next_step(records, folder)
