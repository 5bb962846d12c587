"""Outcomes, departures and notes in words. The terminal and the page say the same."""

from collections.abc import Sequence

from paretune.analysis import Row, comparability_notes
from paretune.analysis.decisions.capabilities import known_capabilities
from paretune.analysis.decisions.checklist import support_notes
from paretune.analysis.decisions.phrases import counted
from paretune.analysis.table.agreement import Agreement, task_agreements
from paretune.analysis.table.comparable import judge_notes
from paretune.analysis.table.scored import main_metric, main_metrics
from paretune.report.format import plain
from paretune.report.measured import other_scores
from paretune.report.parts import parts_note
from paretune.report.skills import skills_note
from paretune.spec import (
    BUILT_IN_TEXT,
    METRICS,
    Cancelled,
    Diverged,
    Failed,
    Outcome,
    OutOfMemory,
    Recipe,
    Record,
    Refused,
    TimedOut,
)
from paretune.spec.recipe import TRAINING_LENGTH

TIED_NOTE = (
    "tied for best: no method is significantly better (5% level, corrected for all pairs of rows); a "
    "method with a low mean and a large error can be tied, too; choose among tied methods by cost, or run more seeds"
)
LONG_NOTE = 200
"""Longer notes are folded on the page and cut in a terminal."""
_SCORE_NOTES = {
    "accuracy_lenient": (
        "Lenient",
        "accuracy that accepts a right answer in any form, not only in the form of the task.",
    ),
    "accuracy_published": ("Their rule", "accuracy by the answer rule of the benchmark's authors."),
}
"""What some further scores are, with the heading of their column."""


def interval_note(rows: Sequence[Row]) -> list[str]:
    """Return what the intervals of main metrics cover, a sentence for each, or nothing where there is no interval."""
    names = dict.fromkeys(row.quality for row in rows)
    found = (_interval_note([row for row in rows if row.quality == name]) for name in names)
    return list(dict.fromkeys(note for notes in found for note in notes))


def _interval_note(rows: Sequence[Row]) -> list[str]:
    trained = [row for row in rows if row.quality_interval and row.records[0].trial.method.trains]
    over_seeds = [row for row in trained if row.standing and row.standing.estimate.seeds_standard_error is not None]
    if not any(row.quality_interval for row in rows):
        return []
    kinds = list(
        dict.fromkeys(row.standing.sampling_note for row in rows if row.standing and row.standing.sampling_note)
    )
    kinds += _moderation_note(over_seeds)
    main = main_metric(rows)
    what, things = main.label, main.items
    if not over_seeds:
        return [
            f"{what} is shown with a 95% interval over the {things}; seed variance is not included.",
            *kinds,
        ]
    if len(over_seeds) == len(trained):
        return [f"{what} is shown with a 95% interval over {things} and seeds.", *kinds]
    return [
        f"{what} is shown with a 95% interval over {things} and seeds; for methods with one seed, seed variance is not "
        "included.",
        *kinds,
    ]


def _moderation_note(rows: Sequence[Row]) -> list[str]:
    """Return that intervals use another seed variance than that of a method's own seeds, where they do."""
    found = [row.standing.estimate for row in rows if row.standing]
    moderated = [one for one in found if one.seeds_freedom > one.num_seeds - 1]
    if not moderated:
        return []
    seeds, own = (
        " or ".join(sorted({f"{value:.0f}" for value in values}, key=float))
        for values in ((one.seeds_freedom + 1 for one in moderated), (one.num_seeds for one in moderated))
    )
    return [
        "Few seeds say little about their own variance, so each method's is pulled towards that of all methods (Smyth "
        f"2004). The variance is then known as well as from about {seeds} seeds; the means are still those of {own}. "
        "An interval can be narrower or wider than the standard deviation (SD) of its own seeds gives."
    ]


def column_notes(rows: Sequence[Row]) -> dict[str, str]:
    """Return what stands in columns whose heading does not say it, by the heading.

    These are lenient accuracy, the parts of each task's questions, forgetting's unit, and which skills were asked.
    """
    found: dict[str, str] = {}
    for task in dict.fromkeys(row.task for row in rows):
        inside = [row for row in rows if row.task == task]
        for metric in other_scores(inside):
            if metric.name in _SCORE_NOTES:
                heading, note = _SCORE_NOTES[metric.name]
                found.setdefault(heading, f"{heading}: {note}")
        groups = [*dict.fromkeys(name for row in inside for name in row.groups)]
        if len(groups) > 1:
            mains = main_metrics(inside)
            what = " or ".join(metric.words for metric in mains)
            found.setdefault(plain("/".join(groups)), parts_note(task, groups, what, mains[0].items))
    if measured := [row for row in rows if "forgetting" in row.metrics]:
        note = f"increase of the loss on general text ({_general_text(measured)}), in nats per token"
        found["Forgetting"] = f"Forgetting: {note}, ± its standard error over texts; +0.05 is a perplexity 5% higher."
    if note := skills_note(rows):
        found[METRICS["skills_lost"].label] = note
    return found


def _general_text(rows: Sequence[Row]) -> str:
    """Return which text forgetting was measured on."""
    text, imported = rows[0].records[0].trial.general_text, rows[0].records[0].imported
    if text is not None:
        return f"{text.num_texts:,} texts that the study names, up to {text.max_tokens:,} tokens of each"
    return "as its source chose it" if imported else BUILT_IN_TEXT


def untrained_notes(rows: Sequence[Row]) -> list[str]:
    """Return which rows are the base model without training, and what each has in its prompts."""
    found: dict[str, str] = {}
    for row in rows:
        method = row.records[0].trial.method
        if method.implementation == "base":
            shots = method.parameters.get("shots")
            shown = f", {counted(shots, 'worked example')} in each prompt" if isinstance(shots, int) else ""
            found[row.method] = f"{row.method} (the untouched base model{shown})"
    return [plain(f"Not trained, to compare with: {'; '.join(found.values())}.")] if found else []


def outcome_name(outcome: Outcome) -> str:
    """Return the kind of an outcome as words: "out of memory"."""
    return outcome.kind.replace("_", " ")


def outcome_text(outcome: Outcome) -> str:
    """Return an outcome with its phase and message on one line, "ok" for a good one."""
    match outcome:
        case Diverged(step=step, loss=loss):
            detail = f"loss {loss:g} at step {step}"
        case Failed(error_type=kind, message=message):
            detail = f"{kind}: {message}"
        case OutOfMemory(message=message):
            detail = message
        case Refused(message=message):
            return plain(f"{outcome_name(outcome)}: {message}")
        case TimedOut(limit_seconds=limit):
            detail = f"limit {limit:g} s"
        case Cancelled(reason=reason):
            detail = reason
        case _:
            return outcome.kind
    phase = getattr(outcome, "phase", None)
    where = f" in phase {phase}" if phase else ""
    return plain(f"{outcome_name(outcome)}{where}" + (f": {detail}" if detail else ""))


def row_outcome(row: Row) -> str:
    """Return "ok", or how the first seed that did not end well ended, with the number of seeds that did."""
    text = outcome_text(row.outcome)
    return text if row.num_ok in {0, len(row.records)} else f"{row.num_ok} of {len(row.records)} seeds ok; {text}"


def shows_learning_rates(rows: Sequence[Row]) -> bool:
    """Tell whether these rows need a column for learning rates: trained ones differ in theirs, or were tuned."""
    trained = [row for row in rows if row.learning_rate is not None]
    return len({row.learning_rate for row in trained}) > 1 or any(row.num_tried > 1 for row in trained)


def shows_batch_sizes(rows: Sequence[Row]) -> bool:
    """Tell whether these rows need a column for the batch size of generation: they differ in theirs."""
    return len({row.answer_batch_size for row in rows if row.outcome.kind == "ok"}) > 1


def tuned_from(row: Row) -> str:
    """Return from how many settings a row's was chosen on validation data: "tuned from 5"; nothing where none was."""
    chosen = row.split == "test" and row.num_tried > 1 and row.learning_rate is not None
    return f"tuned from {row.num_tried}" if chosen else ""


def departures(row: Row, shared: Recipe | None) -> dict[str, tuple[object, object]]:
    """Return the recipe fields in which a row departs from the shared recipe: name to (shared, its own) value.

    How long training takes is no field of a row that is not trained.
    """
    if shared is None:
        return {}
    own = row.records[0].trial.recipe
    shared = shared.for_examples(row.records[0].num_train_examples)
    names = [name for name in Recipe.model_fields if row.trains or name not in TRAINING_LENGTH]
    pairs = {name: (getattr(shared, name), getattr(own, name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def claim_notes(records: Sequence[Record], rows: Sequence[Row]) -> list[str]:
    """Return what stands in the way of claims about these rows, by the rules of `paretune claim`."""
    return [plain(note) for note in support_notes(rows, known_capabilities(records))]


def notes(records: Sequence[Record], rows: Sequence[Row]) -> list[str]:
    """Return what a reader must know in addition to the values, apart from `claim_notes`."""
    found: list[str] = []
    models = {(record.trial.base_model, note) for record in records if (note := _model_note(record))}
    found += [f"Base model {model}: {note}" for model, note in sorted(models)]
    found += judge_notes(records)
    found += comparability_notes(records)
    found += [_agreement_note(*pair) for pair in task_agreements(rows).items()]
    if any(record.trial.split == "validation" for record in records):
        found.append("Some rows were answered on the validation split; the others on the test split.")
    if most := max((record.num_left_out for record in records), default=0):
        found.append(f"Up to {most} training examples were longer than the recipe's max_length and were left out.")
    if most := max((record.num_validation_left_out for record in records), default=0):
        found.append(
            f"Up to {most} validation examples were longer than the recipe's max_length; "
            "the validation loss is over the others."
        )
    for record in records:
        found += [f"{record.trial.method.label}: {note}" for note in record.notes]
    return [plain(note) for note in dict.fromkeys(found)]


def shortened(note: str) -> str:
    """Return a note as a terminal shows it: warnings of libraries may be pages long."""
    return note if len(note) <= LONG_NOTE else f"{note[:LONG_NOTE].rstrip()}… (all of it: the page, or --json)"


def _model_note(record: Record) -> str | None:
    """Return what a reader must know about the base model's weights, or what its reference stood for."""
    note = record.provenance.model_note if record.provenance else None
    return note or (f"it was {record.trial.base_content}" if record.trial.base_content else None)


def _agreement_note(tasks: tuple[str, str], agreement: Agreement) -> str:
    """Return a sentence on whether two tasks put methods into the same order."""
    head = f"{agreement.num_methods} methods on {tasks[0]} and on {tasks[1]}: "
    if agreement.tau is None or agreement.p_value is None:
        return head + "a task on which all are equal says nothing about their order."
    p_value = "p < 0.001" if agreement.p_value < 0.001 else f"p = {agreement.p_value:.2g}"
    return head + f"their orders agree with a Kendall's tau of {agreement.tau:.2f} ({p_value}; 1 is the same order)."
