"""What a person wishes of a method, under the names that the options of `paretune recommend` have."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from paretune.analysis.decisions.recommend import recommend_from
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities, Limit, check_capabilities, known_metric, parse_limit
from paretune.analysis.table.evidence import Evidence
from paretune.analysis.table.rows import rows_of
from paretune.analysis.table.selection import MEMORY, View, choose_view, first_measured
from paretune.spec import InputError

Amount = str | float
"""An amount with its unit, such as "24GB" or "50%"; a plain number where the metric needs no unit."""
Naming = Callable[[str], str]
"""How the person calls a wish: "max_memory" in Python, "--max-memory" on the command line."""

_BOUNDS = {
    "max_checkpoint": "checkpoint_bytes<=",
    "max_step_time": "step_seconds<=",
    "max_forgetting": "forgetting<=",
    "max_trainable": "trainable_parameters<=",
    "min_accuracy": "accuracy>=",
}
_SERVERS = {
    "vllm": "servable_by_vllm",
    "transformers": "servable_by_transformers",
    "llama.cpp": "servable_by_llama_cpp",
    "ollama": "servable_by_llama_cpp",  # it lets llama.cpp's server load the adapter
}


class Wishes(NamedTuple):
    """What a method must keep to, and what is to be as good as possible."""

    maximise: str | None = None
    """A metric; None for the main one of the task. A cost is to be as small as possible."""
    weights: Mapping[str, float] = {}
    """Metrics with weights, in place of `maximise`."""
    max_memory: Amount | None = None
    """Bounds the memory value of the table: training memory, or what imported results have in its place."""
    max_checkpoint: Amount | None = None
    max_step_time: Amount | None = None
    max_forgetting: Amount | None = None
    max_trainable: Amount | None = None
    min_accuracy: Amount | None = None
    limits: Sequence[str] = ()
    """Bounds on any metric: "answer_peak_bytes<=8GB"."""
    mergeable: bool = False
    servable: str | None = None
    """A server: "vllm"."""
    capabilities: Sequence[str] = ()


def recommend_by(
    evidence: Evidence,
    wishes: Wishes,
    *,
    known: Capabilities,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
    named: Naming = str,
) -> Recommendation:
    """Return the recommendation that meets these wishes. Raises `InputError`, opening with the one that is at fault."""
    view = choose_view(rows_of(evidence.records), task, split, evidence.study)
    if wishes.maximise is not None:
        known_metric(wishes.maximise, named("maximise"), view.table)
    for metric in wishes.weights:
        known_metric(metric, named("weights"), view.table)
    return recommend_from(
        evidence,
        limits=_limits(wishes, view, named),
        capabilities=_capabilities(wishes, named),
        weights=wishes.weights or ({wishes.maximise: 1.0} if wishes.maximise else None),
        known=known,
        task=task,
        split=split,
        across=across,
    )


def _limits(wishes: Wishes, view: View, named: Naming) -> list[Limit]:
    given = []
    if wishes.max_memory is not None:
        memory = first_measured(view.rows, MEMORY)
        given.append(("max_memory", f"{memory}<={wishes.max_memory}"))
    amounts = wishes._asdict()
    given += [(wish, f"{begin}{amounts[wish]}") for wish, begin in _BOUNDS.items() if amounts[wish] is not None]
    given += [("limits", text) for text in wishes.limits]
    return [parse_limit(text, named(wish), view.table) for wish, text in given]


def _capabilities(wishes: Wishes, named: Naming) -> list[str]:
    wanted = ["mergeable"] if wishes.mergeable else []
    if wishes.servable is not None:
        if wishes.servable not in _SERVERS:
            raise InputError(
                f'{named("servable")}: "{wishes.servable}" is not known; there is: {", ".join(_SERVERS)}'
            )  # fmt: skip
        wanted.append(_SERVERS[wishes.servable])
    check_capabilities(wishes.capabilities, named("capabilities"))
    return wanted + list(wishes.capabilities)
