"""Recommendations and verdicts in words."""

import math
from collections.abc import Iterator, Mapping, Sequence

from paretune.analysis.decisions.checklist import FEWEST_SEEDS
from paretune.analysis.decisions.claim import Judgement
from paretune.analysis.decisions.comparison import Comparison, comparison_sentences
from paretune.analysis.decisions.phrases import as_sentence, beyond_practical, counted, gap, more_of, signed
from paretune.analysis.decisions.recommendation import SAME_SHARE, Candidate, Experiment, Recommendation
from paretune.analysis.decisions.requirements import Limit, Reason
from paretune.report.format import plain, probability, rounded_duration, show, span
from paretune.spec import COSTS, METRICS, Metric

COMPARED = "Not fine-tuned, shown for comparison"
"""What is said of rows that train no base model."""
CLEARLY = (
    f"* Costs count as less, more or clearly lower where they differ by more than {SAME_SHARE:.0%} and, where standard "
    "errors are known, significantly (5% level)."
)
"""What differences of a cost are named, as a note."""
LIKELY = 0.95
"""From this probability of being the best on, people ask why a method is only tied for best."""
_POINTS = {
    "tuning": "both tuned with the same budget",
    "seeds": "enough seeds",
    "test set": "test set used once",
    "environment": "same settings",
    "audit": "audits",
    "cost": "cost as claimed",
}

LEAST = {
    "trainable_parameters": "fewest trainable parameters",
    "checkpoint_bytes": "smallest checkpoint",
    "forgetting": "least forgetting",
    "skills_lost": "fewest points lost on skills",
    "drift": "least drift",
}
"""Where "lowest" with the metric's label is not what people say."""


def recommendation_lines(recommendation: Recommendation) -> list[str]:
    """Return a recommendation as lines of text: the short list, what else there is, what was ruled out, what to run."""
    return [plain(line) for line in _lines(recommendation)]


def limit_text(limit: Limit, table: Mapping[str, Metric] = METRICS) -> str:
    """Return a limit in words: "training memory at most 24.0 GB"."""
    metric = table[limit.metric]
    return f"{metric.words} {limit.bound} {show(metric, limit.value)}"


def reason_text(reason: Reason, table: Mapping[str, Metric] = METRICS) -> str:
    """Return why a method was ruled out, in words. `table` has the metrics by name."""
    metric = table.get(reason.requirement)
    label = metric.words if metric else reason.requirement
    match reason.kind:
        case "limit" | "not above base" if reason.limit is not None and metric is not None:
            beyond = "below" if metric.lower_is_better else "above"
            wanted = (
                f"wanted {reason.limit.bound}" if reason.kind == "limit" else f"not {beyond} that of {reason.baseline}"
            )
            return f"{label} {show(metric, reason.value)}, {wanted} {show(metric, reason.limit.value)}"
        case "not measured":
            return f"{label} was not measured"
        case "does not train":
            return COMPARED.lower()
        case "capability":
            return f"not {capability_text(label)}"
        case "capability unknown":
            return f"whether it is {capability_text(label)} is unknown: no audit is recorded"
        case _:
            return f"did not finish: {label.replace('_', ' ')}"


def capability_text(name: str) -> str:
    """Return a capability in words: "servable by vLLM"."""
    return name.replace("llama_cpp", "llama.cpp").replace("_", " ").replace("vllm", "vLLM")


def least_text(cost: str) -> str:
    """Return in words that a method has the least of a cost: "lowest step time", "smallest checkpoint"."""
    return LEAST.get(cost, f"lowest {METRICS[cost].words}")


def objective_text(recommendation: Recommendation) -> str:
    """Return what was to be made as good as possible, in words."""
    metrics = {name: recommendation.table[name] for name in recommendation.weights}
    if len(metrics) == 1:
        (metric,) = metrics.values()
        return f"{'lowest' if metric.lower_is_better else 'highest'} {metric.words}"
    return "best weighted sum of " + ", ".join(
        f"{metrics[name].words} ({weight:.0%})" for name, weight in recommendation.weights.items()
    )


def experiment_text(experiment: Experiment, items: str = "questions") -> str:
    """Return what to run next and what that takes. `items` is what the main metric is the mean over."""
    if experiment.seed_seconds is None:
        return _next(experiment, items)
    trials, together = " and one of ".join(experiment.trained), " together" if len(experiment.trained) > 1 else ""
    return f"{_next(experiment, items)} A trial of {trials} took {rounded_duration(experiment.seed_seconds)}{together}."


def _next(experiment: Experiment, items: str) -> str:
    pair, trained = f"{experiment.first} and {experiment.second}", " and ".join(experiment.trained)
    if trained and not experiment.tuned:
        same = " with the same budget" if len(experiment.trained) > 1 else ""
        return f"Next: tune the learning rates of {trained} on validation data{same}; then re-run the command."
    ways = more_of(experiment.more_questions, experiment.more_seeds, items, experiment.trained)
    leading = (
        f"{experiment.first}, the best as measured, from {experiment.second}, the likeliest of the others to be best"
    )
    beyond = as_sentence(beyond_practical(leading, items, experiment.times_both))
    by_cost = f"Next: choose from the short list by cost. {beyond}"
    separate = f"about {ways} would separate them in 4 of 5 repeats if the true difference is as observed"
    if trained and experiment.num_seeds < FEWEST_SEEDS:
        lacking = FEWEST_SEEDS - experiment.num_seeds
        each = "each " if len(experiment.trained) > 1 else ""
        seeds = f"{lacking} more seed{'' if lacking == 1 else 's'} {each}of {trained}"
        if ways:
            return f"Next: {seeds}, the least for a claim; {separate}. Otherwise choose between them by cost."
        return f"{by_cost} A claim would also need {seeds}."
    return f"Next: for {pair}, {separate}; otherwise choose by cost." if ways else by_cost


def _lines(recommendation: Recommendation) -> Iterator[str]:
    limits = ", ".join(limit_text(limit, recommendation.table) for limit in recommendation.limits)
    capabilities = " and ".join(map(capability_text, recommendation.capabilities))
    head = f"{recommendation.task}, {recommendation.split} split: {objective_text(recommendation)}"
    head += (f", with {limits}" if limits else "") + (f"; must be {capabilities}" if capabilities else "")
    yield f"{head}; the best as measured first"
    yield from _not_better_than_base(recommendation)
    if not recommendation.shortlist:
        yield "No method meets every requirement."
    for number, candidate in enumerate(recommendation.shortlist, 1):
        yield f"{number}. {candidate.name}: {_figures(recommendation, candidate)}"
        yield f"   {_merits(recommendation, candidate)}"
        for name, kept in candidate.limit_probabilities.items():
            yield f"   meets the limit on {recommendation.table[name].words} only with probability {probability(kept)}"
    tied = [one for one in recommendation.others if one.worse_than is None]
    for one in tied:
        better = one.outdone_by
        reason = f", but not listed: {better} is at least as good, and no cost is clearly lower* than that of {better}"
        yield f"Also tied: {one.name} ({_figures(recommendation, one)}){reason if better else ''}."
    yield from _behind(recommendation)
    yield from _ruled_out(recommendation)
    yield from _explained(recommendation, tied)
    if recommendation.next_experiment is not None:
        items = recommendation.main_metric_of(recommendation.shortlist[0]).items
        yield experiment_text(recommendation.next_experiment, items)
    elif (
        recommendation.shortlist
        and len(recommendation.shortlist) + len(tied) == 1
        and len(recommendation.admissible) > 1
    ):
        yield "No other method that meets the requirements is likely to be better."
    if recommendation.no_claim_because and recommendation.shortlist:
        yield f"This order describes these runs: {recommendation.no_claim_because}, so no claim."
    yield from recommendation.notes


def _not_better_than_base(recommendation: Recommendation) -> Iterator[str]:
    """Yield a sentence where something that trains no base model is among the best by the main metric."""
    if not recommendation.shortlist:
        return
    main = recommendation.main_metric_of(recommendation.shortlist[0])
    candidates = (*recommendation.shortlist, *recommendation.others)
    names = [one.name for one in candidates if not one.trains and one.worse_than is None]
    if names and list(recommendation.weights) == [main.name]:
        yield f"No method that trains was shown to be better than the base model without training ({', '.join(names)})."


def _behind(recommendation: Recommendation) -> Iterator[str]:
    """Yield which methods another is better than: as a claim where the protocol is met, and of these runs otherwise."""
    together: dict[tuple[str, str], list[str]] = {}
    for one in recommendation.others:
        if one.worse_than is not None:
            head = f"Behind {one.worse_than} in these runs" if one.no_claim_because else f"Worse than {one.worse_than}"
            head = head if one.trains else f"{COMPARED}; {head[0].lower()}{head[1:]}"
            # Where nothing can be claimed at all, the last line says why.
            said = f" ({one.no_claim_because})" if one.no_claim_because and not recommendation.no_claim_because else ""
            together.setdefault((head, said), []).append(one.name)
    for (head, said), names in together.items():
        yield f"{head}: {', '.join(names)}{said}."


def _figures(recommendation: Recommendation, candidate: Candidate) -> str:
    parts = []
    main = recommendation.main_metric_of(candidate)
    if candidate.quality is not None and candidate.interval is not None:
        low, high = candidate.interval
        figure = show(main, candidate.quality)
        parts.append(f"{main.words} {figure} ({span(main, low, high, ' to ')})")
    extra = [name for name in recommendation.weights if name != main.name and name not in COSTS]
    parts += _shown(candidate.metrics, (*extra, *COSTS), recommendation.table)
    if len(recommendation.weights) > 1:
        parts.insert(0, f"weighted sum {candidate.value:.2f}")
    return ", ".join(parts)


def _shown(metrics: Mapping[str, float], names: Sequence[str], table: Mapping[str, Metric] = METRICS) -> list[str]:
    """Return each of these values that was measured, with its label."""
    return [f"{table[name].words} {show(table[name], metrics[name])}" for name in names if name in metrics]


def _merits(recommendation: Recommendation, candidate: Candidate) -> str:
    words = []
    for merit in candidate.merits:
        if merit.metric is not None:
            words.append(f"{least_text(merit.metric)} among those tied")
        else:
            words.append("the best as measured" if merit.kind == "best" else "tied for best")
    if candidate.merits[0].kind == "tied for best":
        best = recommendation.shortlist[0]
        words += _differences(candidate, best)
    if candidate.not_shown_above:
        words.append(f"not shown to be better than {' or '.join(candidate.not_shown_above)}, corrected for all pairs")
    bounded = recommendation.limits or recommendation.capabilities
    among = "the best of those that meet the requirements" if bounded else "the best"
    if len(recommendation.admissible) > 1:  # of one alone it would always be 100%
        words.append(f"{probability(candidate.probability_best)} probability of being {among}")
    elif candidate.trains:
        words = ["the only one that meets the requirements" if bounded else "the only method left"]
    return "; ".join(words)


def _differences(candidate: Candidate, best: Candidate) -> Iterator[str]:
    """Yield of which costs a candidate needs clearly less than the best one, and of which more, and how much."""
    named = {merit.metric for merit in candidate.merits}
    shared = [cost for cost in COSTS if cost in candidate.metrics and cost in best.metrics]
    less = [cost for cost in shared if cost not in named and candidate.needs_less(cost, best)]
    more = [cost for cost in shared if best.needs_less(cost, candidate)]

    def instead(costs: Sequence[str]) -> str:
        pairs = ((METRICS[cost], candidate.metrics[cost], best.metrics[cost]) for cost in costs)
        return ", ".join(
            f"{metric.words} {show(metric, own)} instead of {show(metric, other)}" for metric, own, other in pairs
        )

    if less:
        yield f"less* than {best.name}: {instead(less)}"
    elif len(candidate.merits) == 1:
        yield f"no cost is clearly lower* than that of {best.name}"
    if more:
        yield f"more* than {best.name}: {instead(more)}"


def _ruled_out(recommendation: Recommendation) -> Iterator[str]:
    compared = [one.name for one in recommendation.ruled_out if _is_only_compared(one.reasons)]
    if compared:
        yield f"{COMPARED}: {', '.join(compared)}."
    for one in recommendation.ruled_out:
        if one.name not in compared:
            reasons = dict.fromkeys(reason_text(reason, recommendation.table) for reason in one.reasons)
            yield f"Ruled out: {one.name}: {'; '.join(reasons)}."


def _is_only_compared(reasons: Sequence[Reason]) -> bool:
    """Tell whether a row was ruled out for no other reason than that it trains no base model."""
    return all(reason.kind == "does not train" for reason in reasons)


def tied_though_likely(share: float) -> str:
    """Return why a method that is the best with this probability is only tied for best, in a sentence."""
    return (
        f"A probability of {probability(share)} and still tied: which methods are tied is corrected for all pairs of "
        "rows, the probability is not."
    )


def _explained(recommendation: Recommendation, tied: Sequence[Candidate]) -> Iterator[str]:
    """Yield what words of the lists above it mean, where they occur."""
    shortlist = recommendation.shortlist
    if len(shortlist) > 1 or any(one.outdone_by for one in tied):
        yield CLEARLY
    if len(shortlist) + len(tied) > 1 and (share := shortlist[0].probability_best) >= LIKELY:
        yield tied_though_likely(share)


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return a comparison as lines of text: the sentence, both sides' values, what the width is made of."""
    metric = comparison.definition
    things = metric.items
    head = f"{comparison.task}, {comparison.split} split, {comparison.num_questions} {things}"
    lines = [head, *comparison_sentences(comparison)]
    for side in (comparison.first, comparison.second):
        low, high = side.interval
        figures = ", ".join([counted(side.num_seeds, "seed"), *_shown(side.metrics, COSTS)])
        figure = show(metric, side.value)
        lines.append(f"{side.name}: {figure} ({span(metric, low, high, ' to ')}), {figures}")
    if len(comparison.by_seed) > 1:
        parts = ", ".join(f"{signed(metric, one.difference)} ({one.seed})" for one in comparison.by_seed)
        lines.append(f"Difference by seed: {parts}")
    lines.append(f"{_standard_error(comparison)} Test: {comparison.test}.")
    return [plain(line) for line in (*lines, *comparison.notes)]


def _standard_error(comparison: Comparison) -> str:
    """Return what the standard error of the difference is made of, and what it is in all."""
    metric, from_items = comparison.definition, comparison.questions_standard_error
    head, from_seeds = "Standard error of the difference", comparison.seeds_standard_error
    if from_seeds is None:
        return f"{head}: {metric.items} {gap(metric, from_items)}, seeds unknown."
    parts = f"{metric.items} {gap(metric, from_items)}, seeds {gap(metric, from_seeds)}"
    return f"{head}: {parts}, together {gap(metric, math.hypot(from_items, from_seeds))}."


def claim_lines(judgement: Judgement) -> list[str]:
    """Return the verdict on a claim as lines of text, with the checklist."""
    marks = {True: "yes", False: "no", None: "unknown"}
    lines = [f'"{judgement.claim}": {judgement.verdict}', judgement.reason, "The protocol:"]
    lines += [f"  {marks[check.passed]:7}  {_POINTS[check.point]}: {check.finding}" for check in judgement.checks]
    return [plain(line) for line in (*lines, *judgement.comparison.notes)]
