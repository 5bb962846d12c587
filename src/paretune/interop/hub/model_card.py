"""A model card for an adapter that a study kept, with its results in the Hub's evaluation format (`model-index`)."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

from paretune.interop.hub.cards import TAG, Names
from paretune.interop.hub.markdown import card, literal, table
from paretune.spec import Record, Trial
from paretune.spec.kinds import CAUSAL_LM, CLASSIFIER, DIFFUSION, IMAGE_TEXT
from paretune.store import Store

_TASK_TYPES = {
    CAUSAL_LM: "text-generation",
    CLASSIFIER: "text-classification",
    DIFFUSION: "text-to-image",
    IMAGE_TEXT: "image-text-to-text",
}
"""The Hub's names for what the kinds of model do."""
_ON_THE_HUB = re.compile(r"(?:hub|hf):(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[\w.-]+)", re.ASCII)


def kept_adapters(store: Store, records: Sequence[Record]) -> list[Record]:
    """Return the final trials that ended well and whose adapter lies in the folder."""
    return [
        record
        for record in records
        if record.outcome.kind == "ok"
        and not record.trial.tunes
        and record.trial.method.trains
        and store.adapter_folder(record.trial_id, record.attempt).is_dir()
    ]


def write_model_cards(records: Sequence[Record], study_name: str, names: Names, folder: Path) -> None:
    """Write a card for each record, ID-ATTEMPT/README.md as its adapter's folder is called. Raises `OSError`."""
    for record in records:
        path = folder / f"{record.trial_id}-{record.attempt}" / "README.md"
        path.parent.mkdir(parents=True)
        path.write_text(model_card(record, study_name, names), encoding="utf-8")


def model_card(record: Record, study_name: str, names: Names) -> str:
    """Return the README.md of one adapter. Its values are those of its own trial, not means over seeds."""
    from huggingface_hub import EvalResult, ModelCardData

    trial, task = record.trial, record.trial.task
    base, data = _ON_THE_HUB.match(trial.base_model), _data_on_the_hub(trial)
    scored = [one for one in task.scored(record.metrics) if math.isfinite(record.metrics.get(one.name, math.nan))]
    label = " ".join(trial.method.label.split())
    kind = _TASK_TYPES.get(trial.model_kind, trial.model_kind)
    results = [
        EvalResult(
            task_type=kind,
            dataset_type=data["name"] if data else task.name,
            dataset_name=f"{task.name}, version {task.version}",
            dataset_revision=data["revision"] if data else None,
            dataset_split=trial.split,
            metric_type=metric.name,
            metric_name=" ".join(metric.label.split()),
            metric_value=record.metrics[metric.name],
            source_name="Paretune",
            source_url=names.dataset_url,
        )
        for metric in scored
    ]
    head = ModelCardData(
        base_model=base["name"] if base else None,
        library_name="peft" if trial.method.peft_type else "transformers",
        tags=[TAG, *([trial.method.peft_type.lower()] if trial.method.peft_type else [])],
        model_name=f"{study_name}-{label}-seed-{trial.seed}" if results else None,
        eval_results=results or None,
    )
    rows = [
        (literal(metric.label), literal(f"{record.metrics[metric.name]:.4g}"), literal(metric.definition))
        for metric in scored
    ]
    body = f"""# {literal(label)}, seed {trial.seed}

{literal(trial.base_text)}, fine-tuned with {literal(label)} in the study {literal(study_name)}: learning rate
{literal(f"{trial.learning_rate:g}" if trial.learning_rate else "none")}, {trial.recipe.trained_steps} steps of
{trial.recipe.examples_per_step} examples.

{table(("metric", "value", "definition"), rows)}
These are the values of this one adapter on {record.num_items or 0} {trial.split} items. How sure they are, and what
other seeds and methods gave: [the page]({names.space_url}) and [the records]({names.dataset_url}).
"""
    return card(head, body)


def _data_on_the_hub(trial: Trial) -> re.Match[str] | None:
    """Return the data set of the hub that holds the test questions, where there is one."""
    given = [str(trial.task.options[name]) for name in trial.task.locations if trial.task.options.get(name)]
    return _ON_THE_HUB.match(given[-1]) if given else None
