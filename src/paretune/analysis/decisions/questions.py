"""What a person asks of a study's folder: compare, pareto, recommend, claim."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.claim import Judgement, judge_claim
from paretune.analysis.decisions.compare import compare_in
from paretune.analysis.decisions.comparison import Comparison
from paretune.analysis.decisions.front import Front, front_of
from paretune.analysis.decisions.quantities import parse_amount
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.decisions.wishes import Amount, Wishes, recommend_by
from paretune.analysis.table.evidence import Evidence, load_evidence
from paretune.spec import METRICS

Folder = str | Path


def compare(
    folder: Folder, first: str, second: str, *, task: str | None = None, split: str | None = None, across: bool = False
) -> Comparison:
    """Return whether the first method is better than the second, with interval, p-value and a sentence.

    "Better" and "worse" obey the rules of `claim`: without tuning, five seeds or a passed audit it is "ahead" or
    "behind" in these runs.

    A method is named by its label, or "LABEL@RATE" where it has several learning rates. `split` is by default "test",
    or "validation" where no test question was answered. Raises `InputError` when a name is unknown or has no result,
    when the task must be named, and, unless `across`, when the two were recorded under different settings.
    """
    evidence = load_evidence(folder)
    known = known_capabilities(evidence.records)
    return compare_in(evidence, first, second, known=known, task=task, split=split, across=across)


def pareto(
    folder: Folder,
    metrics: Sequence[str] | None = None,
    *,
    reference: Mapping[str, float] | None = None,
    min_accuracy: Amount | None = None,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
) -> Front:
    """Return the Pareto front in any number of metrics, with each method's probability of lying on it.

    By default the metrics are the main metric and training memory. Methods below `min_accuracy` ("50%" or 0.5) are left
    out of the front; by default those that are not above the base model.

    With a `reference` point, a value for each metric that is fixed in advance, also the hypervolume and what each
    method contributes to it. Raises `InputError` as `compare` does, for a metric that does not exist, and for a
    reference point with other metrics.
    """
    least = (
        None
        if min_accuracy is None
        else {"accuracy": parse_amount(METRICS["accuracy"], str(min_accuracy), "min_accuracy")}
    )
    evidence = load_evidence(folder)
    return front_of(evidence, metrics, reference=reference, floor=least, task=task, split=split, across=across)


def recommend(
    folder: Folder,
    *,
    maximise: str | None = None,
    weights: Mapping[str, float] | None = None,
    max_memory: Amount | None = None,
    max_checkpoint: Amount | None = None,
    max_step_time: Amount | None = None,
    max_forgetting: Amount | None = None,
    max_trainable: Amount | None = None,
    min_accuracy: Amount | None = None,
    limits: Sequence[str] = (),
    mergeable: bool = False,
    servable: str | None = None,
    capabilities: Sequence[str] = (),
    known: Capabilities | None = None,
    task: str | None = None,
    split: str | None = None,
    across: bool = False,
) -> Recommendation:
    """Return which methods to use: a short list, why, how sure that is, what was ruled out, and what to run next.

    Arguments are the options of the command: `max_memory="24GB"` is `--max-memory 24GB`; options that may be repeated
    are `limits` ("train_peak_bytes<=24GB", with any metric), `capabilities` and `weights`. `maximise` is the metric to
    make as good as possible, by default the main metric, which for a cost is small; `weights` takes its place with
    several. Methods that are not above the base model are ruled out unless `min_accuracy` or a limit says how good
    is good enough. Capabilities are looked up in the recorded audits, or in `known` (for each method's label which it
    has); what is not known does not count.
    Raises `InputError` as `compare` does, and for a limit, metric or weight that cannot be used.
    """
    evidence = load_evidence(folder)
    wishes = Wishes(
        maximise=maximise,
        weights=weights or {},
        max_memory=max_memory,
        max_checkpoint=max_checkpoint,
        max_step_time=max_step_time,
        max_forgetting=max_forgetting,
        max_trainable=max_trainable,
        min_accuracy=min_accuracy,
        limits=limits,
        mergeable=mergeable,
        servable=servable,
        capabilities=capabilities,
    )
    return recommend_by(evidence, wishes, known=_known(evidence, known), task=task, split=split, across=across)


def claim(folder: Folder, text: str, *, known: Capabilities | None = None, task: str | None = None) -> Judgement:
    """Return whether the records support, refute or leave undecided a claim such as "oft beats lora".

    Audits are the recorded ones, or `known`: for each method's label, under "audited", whether it passed. Raises
    `InputError` as `compare` does, except that different settings are a finding here, and for a sentence of another
    form.
    """
    evidence = load_evidence(folder)
    return judge_claim(evidence, text, known=_known(evidence, known), task=task)


def _known(evidence: Evidence, given: Capabilities | None) -> Capabilities:
    """Return the capabilities that are given, or those of the recorded audits."""
    return known_capabilities(evidence.records) if given is None else given
