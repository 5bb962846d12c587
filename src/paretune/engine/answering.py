"""How a task's questions are put to a model and where its answers end, by the task and the tokenizer."""

import math
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from paretune.engine.encoding import NO_TEMPLATE, encode_answer, ended_once, uses_template
from paretune.engine.generate import cut_before
from paretune.spec import InputError, Metric
from paretune.tasks import Example, Task
from paretune.tasks.asking import answer_of

_SHOWN_PLACES = 10
_ROOM = 8
"""Tokens beyond the longest reference: the same text may be written in other tokens."""
_CONTINUATION_TOKENS = 32
"""Of plain text, whose continuation is shown and not judged."""


class Answering(NamedTuple):
    """Where answers end."""

    max_new_tokens: int
    stop: tuple[str, ...]
    """Texts before which an answer ends; none in a conversation, where a token ends each turn."""
    end_ids: tuple[int, ...]
    """Tokens that end an answer besides the tokenizer's end token."""


def answering(task: Task, tokenizer: Any) -> Answering:
    """Return where answers to a task end. Without a limit of its own, they may be as long as the longest reference.

    Raises `InputError` where the chat template refuses an example.
    """
    first = task.examples("test")[0]
    in_turns = uses_template(first, tokenizer)
    end_ids = (encode_answer(first, tokenizer)[-1],) if in_turns else ()
    limit = task.max_new_tokens
    if limit is None:
        longest = max(len(encode_answer(example, tokenizer)) for example in references(task))
        limit = _CONTINUATION_TOKENS if first.learns_prompt else longest + _ROOM
    return Answering(limit, () if in_turns else task.stop, end_ids)


def references(task: Task) -> Iterator[Example]:
    """Yield the examples whose completions answers are compared with."""
    return chain(task.examples("validation"), task.examples("test"))


def check_references(task: Task, tokenizer: Any, how: Answering) -> int:
    """Score every reference as if a model had written it, and return how many there are.

    Each has to be what every metric takes for a reference. Where answers are written, each goes through tokenizer,
    length limit, stop strings, reader and scorer; an empty answer and the reference before it are scored too, as
    answers that are wrong. Raises `InputError` naming the rows of those that do not get the best
    value: no model could get it there. Plain text has no right answers, and counts as none.
    """
    wrong: dict[str, list[str]] = {}
    number, total, earlier = 0, 0, ""
    for example in map(partial(ended_once, tokenizer=tokenizer), references(task)):
        total += 1
        reason = task.why_no_reference(example)
        if reason is None and not example.learns_prompt and task.generates:
            reason = _why_unscorable(task, example, tokenizer, how)
            for wrong_answer in ("", earlier):  # a task's own check of what it gives them
                answer_of(wrong_answer, example, task)
            earlier = example.target
        if reason is not None:
            wrong.setdefault(reason, []).append(example.id)
        number += not example.learns_prompt
    for reason, places in wrong.items():
        more = f" and {len(places) - _SHOWN_PLACES} more" if len(places) > _SHOWN_PLACES else ""
        raise InputError(
            f'task "{task.card.name}": {len(places)} of {total} references could not be scored right: {reason} '
            f"({', '.join(places[:_SHOWN_PLACES])}{more})"
        )
    if number and task.generates:
        _check_corpus_metrics(task, tokenizer)
    return number


def _why_unscorable(task: Task, example: Example, tokenizer: Any, how: Answering) -> str | None:
    own = answer_of(example.target, example, task)
    for name, value in own.values.items():
        metric = _declared(task, name)
        if not _is_best(metric, value, value):
            return f"{metric.label} of the text itself is {value:g}, where {_best(metric, value):g} would be best"

    def right(text: str) -> bool:
        found = answer_of(text, example, task)
        values = [_is_best(_declared(task, name), value, own.values[name]) for name, value in found.values.items()]
        return found.readings == own.readings and all(values)

    ids = encode_answer(example, tokenizer)
    cut = tokenizer.decode(ids[: how.max_new_tokens], skip_special_tokens=True)
    if right(cut_before(cut, how.stop)):
        return None
    if right(cut):
        return f"they hold a stop string, one of {', '.join(map(repr, how.stop))}"
    if right(tokenizer.decode(ids, skip_special_tokens=True)):
        return f"longer than max_new_tokens = {how.max_new_tokens}; raise it, or leave it out"
    plain = tokenizer(example.target, add_special_tokens=False)["input_ids"]
    if uses_template(example, tokenizer) and right(tokenizer.decode(plain, skip_special_tokens=True)):
        return f"the chat template does not show the answer as it is; {NO_TEMPLATE}"
    return "the tokenizer does not give the same text back; change these rows, or take another base model"


def _check_corpus_metrics(task: Task, tokenizer: Any) -> None:
    """Refuse a metric over all answers that the references themselves do not have its best value of."""
    for name, how in task.corpus_metrics.items():
        if how.read is None:
            continue
        examples = map(partial(ended_once, tokenizer=tokenizer), references(task))
        metric, value = _declared(task, name), how.value([how.read(one.target, one) for one in examples])
        if not _is_best(metric, value, value):
            raise InputError(
                f'task "{task.card.name}": {metric.label} of the references themselves is {value:g}, where '
                f"{_best(metric, value):g} would be best; take another metric"
            )


def _declared(task: Task, name: str) -> Metric:
    found = next((metric for metric in task.card.metrics if metric.name == name), None)
    if found is None:
        raise InputError(f'task "{task.card.name}": score gives "{name}", which its card does not declare')
    return found


def _is_best(metric: Metric, value: float, own: float) -> bool:
    """Tell whether a value is the best that there is, apart from rounding; `own` is that of the reference itself."""
    best = _best(metric, own)
    return metric.reaches(value, best) or math.isclose(value, best, rel_tol=1e-9, abs_tol=1e-9)


def _best(metric: Metric, own: float) -> float:
    """Return the best value of a metric, `own` where it has none."""
    bound = metric.low if metric.lower_is_better else metric.high
    return own if bound is None else bound
