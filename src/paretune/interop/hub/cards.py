"""The cards of what is published: of the Space with the page, and of the data set with the records."""

from collections.abc import Sequence
from typing import NamedTuple

from paretune.interop.hub.markdown import card, literal, table
from paretune.interop.hub.public_store import PublicCopy
from paretune.spec import METRICS, Metric, Record
from paretune.store.query import column_of

TAG = "paretune"
"""What cards are tagged with, by which a repository is known to be ours."""
RESULTS_FILE = "results.parquet"
MODEL_CARDS = "model-cards"
_SOURCE = "https://github.com/paretune/paretune"
_SHORT = "Fine-tuning methods compared on one base model and data"
"""The Hub shows at most 60 letters."""


class Names(NamedTuple):
    """Where results are published, and under which licence."""

    space: str
    """OWNER/NAME."""
    dataset: str
    """OWNER/NAME."""
    endpoint: str
    """The Hub's address, without a slash at its end."""
    licence: str | None = None
    """The Hub's identifier of a licence."""

    @property
    def space_url(self) -> str:
        """The address of the Space."""
        return f"{self.endpoint}/spaces/{self.space}"

    @property
    def dataset_url(self) -> str:
        """The address of the data set."""
        return f"{self.endpoint}/datasets/{self.dataset}"


def space_card(copy: PublicCopy, names: Names) -> str:
    """Return the README.md of the Space that shows the page."""
    from huggingface_hub import SpaceCardData

    head = SpaceCardData(
        title=copy.study.name,
        emoji="📊",
        colorFrom="blue",
        colorTo="green",
        sdk="static",
        app_file="index.html",
        pinned=False,
        short_description=_SHORT,
        license=names.licence,
        datasets=[names.dataset],
        tags=[TAG, "peft"],
    )
    body = f"""# {literal(copy.study.name)}

{literal(copy.study.description)}

{_about(copy.records)}

The page is `index.html`: one file that needs no network. The records behind it, with the answers where they are
published, are the data set [{literal(names.dataset)}]({names.dataset_url}).
"""
    return card(head, body)


def dataset_card(copy: PublicCopy, names: Names, columns: Sequence[str], *, model_cards: bool = False) -> str:
    """Return the README.md of the data set. `columns` are those of its table of results."""
    from huggingface_hub import DatasetCardData

    configs = [{"config_name": "results", "data_files": RESULTS_FILE, "default": True}]
    if copy.with_answers:
        configs.append({"config_name": "answers", "data_files": "items/*.parquet"})
    head = DatasetCardData(
        pretty_name=f"Records of {copy.study.name}",
        license=names.licence,
        tags=[TAG, "peft", "benchmark"],
        configs=configs,
    )
    body = f"""# Records of {literal(copy.study.name)}

{literal(copy.study.description)}

{_about(copy.records)} The page that shows them: [{literal(names.space)}]({names.space_url}).

{_facts(copy)}

## Files

{_files(copy, model_cards=model_cards)}

## Columns of {RESULTS_FILE}

Values are in base units. A value that was not measured is null.

{_columns(copy.records, columns)}
{_answers(copy)}
## Reading it

```python
from datasets import load_dataset

results = load_dataset("{names.dataset}", "results", split="train")
```

All files together are a results folder, from which Paretune makes its tables, tests and pages:

```sh
hf download {names.dataset} --repo-type dataset --local-dir records
paretune results records
```

## Licence

{_licence(names)}

## What was left out

{_left_out(copy)}
"""
    return card(head, body)


def _about(records: Sequence[Record]) -> str:
    imported = sorted({record.imported.source for record in records if record.imported is not None})
    if imported:
        return f"Results of {literal(', '.join(imported))}, imported by [Paretune]({_SOURCE})."
    return (
        f"A study made with [Paretune]({_SOURCE}): fine-tuning methods compared on the same base model, the same data "
        "and the same training loop."
    )


def _facts(copy: PublicCopy) -> str:
    records = copy.records
    methods = dict.fromkeys(record.trial.method.label for record in records)
    devices = dict.fromkeys(record.provenance.device for record in records if record.provenance)
    ok = sum(record.outcome.kind == "ok" for record in records)
    tuning = sum(record.trial.tunes for record in records)
    trials = f"{len(records)}, of which {ok} ended well and {tuning} chose settings on validation data"
    facts = {
        "Base model": ", ".join(dict.fromkeys(record.trial.base_model for record in records)),
        "Tasks": ", ".join(dict.fromkeys(record.trial.task.name for record in records)),
        "Methods": ", ".join(methods),
        "Trials": trials,
        "Devices": ", ".join(devices),
    }
    return "\n".join(f"- {name}: {literal(text)}" for name, text in facts.items() if text)


def _files(copy: PublicCopy, *, model_cards: bool) -> str:
    files = {
        RESULTS_FILE: "a row for each trial: one method trained once, with one learning rate and one seed",
        "records/*.json": "the record of each trial: settings, values, loss and seconds of each step, packages, device",
        "study.json, plan.json, reading.json": "the study, its plan where learning rates were tuned, and names of "
        "rows where they were changed",
    }
    if copy.with_answers:
        files["items/*.parquet"] = "what became of each question, a row each"
    if model_cards:
        files[f"{MODEL_CARDS}/*/README.md"] = "a model card for each adapter that was kept, with its results"
    return table(("file", "content"), [(literal(name), text) for name, text in files.items()])


_KEYS = {
    "trial_id": "Names the trial: a hash of everything that decides its result.",
    "attempt": "Which attempt at the trial this is, from 1.",
    "task": "The task.",
    "method": "The label of the method.",
    "learning_rate": "Peak learning rate; null where nothing is trained.",
    "seed": "Decides initial values and the order of the training examples.",
    "split": "The questions that were answered: test, or validation for a trial that chose a setting.",
    "outcome": "How the trial ended: ok, out_of_memory, diverged, failed, refused, timed_out or cancelled.",
    "num_items": "Questions answered, or images scored.",
}
_ITEM_COLUMNS = {
    "trial_id": "The trial that answered.",
    "attempt": "Its attempt.",
    "item_id": "Names the question.",
    "group": "The named part of the test questions that it belongs to.",
    "scores": "Its values by metric.",
    "text": "What the model answered.",
    "target": "The reference.",
    "cluster": "What it shares with other questions, such as a template; null where nothing.",
}


def _columns(records: Sequence[Record], columns: Sequence[str]) -> str:
    known: dict[str, Metric] = {name: metric for record in records for name, metric in record.trial.task.table.items()}
    metrics = {column_of(name): metric for name, metric in (METRICS | known).items()}
    keys = [(literal(name), "", literal(_KEYS[name])) for name in columns if name in _KEYS]
    values = [
        (literal(name), literal(metrics[name].unit.value), literal(metrics[name].definition))
        for name in columns
        if name not in _KEYS
    ]
    return table(("column", "unit", "meaning"), [*keys, *values])


def _answers(copy: PublicCopy) -> str:
    if not copy.with_answers:
        return ""
    rows = [(literal(name), literal(meaning)) for name, meaning in _ITEM_COLUMNS.items()]
    return f"\n## Columns of items/\\*.parquet\n\n{table(('column', 'meaning'), rows)}\n"


def _licence(names: Names) -> str:
    if names.licence is None:
        return "None is stated. Ask its owner before you use it."
    return f"{literal(names.licence)}, stated by its owner."


def _left_out(copy: PublicCopy) -> str:
    lines = ["Adapters and logs. Of a path that a record holds, its last part is kept; of an error, its message."]
    if copy.withheld:
        tasks = literal(", ".join(copy.withheld))
        lines.append(f"Questions, answers and references of {tasks}, whose data is its owner's: scores alone are here.")
    return "\n\n".join(lines)
