"""How a task's questions are put to a model and where its answers end, by the task and the tokenizer."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from paretune.engine.encoding import encode, uses_template
from paretune.engine.generate import cut_before
from paretune.spec import InputError
from paretune.tasks import Example, Task

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
    end_ids = (encode(first, tokenizer).answer[-1],) if in_turns else ()
    limit = task.max_new_tokens
    if limit is None:
        longest = max(len(encode(example, tokenizer).answer) for example in references(task))
        limit = _CONTINUATION_TOKENS if first.learns_prompt else longest + _ROOM
    return Answering(limit, () if in_turns else task.stop, end_ids)


def references(task: Task) -> Iterator[Example]:
    """Yield the examples whose completions answers are compared with."""
    return chain(task.examples("validation"), task.examples("test"))


def check_references(task: Task, tokenizer: Any, how: Answering) -> int:
    """Score every reference as if a model had written it, and return how many there are.

    Each goes through tokenizer, length limit, stop strings, reader and scorer. Raises `InputError` naming the rows of
    those that are not found right: no model could score there. Plain text has no right answers, and counts as none.
    """
    wrong: dict[str, list[str]] = {}
    number = 0
    for example in references(task):
        if example.learns_prompt:
            continue
        number += 1
        reason = _why_unscorable(task, example, tokenizer, how)
        if reason is not None:
            wrong.setdefault(reason, []).append(example.id)
    for reason, places in wrong.items():
        more = f" and {len(places) - _SHOWN_PLACES} more" if len(places) > _SHOWN_PLACES else ""
        raise InputError(
            f'task "{task.card.name}": {len(places)} of {number} references could not be scored right: {reason} '
            f"({', '.join(places[:_SHOWN_PLACES])}{more})"
        )
    return number


def _why_unscorable(task: Task, example: Example, tokenizer: Any, how: Answering) -> str | None:
    def right(text: str) -> bool:
        return task.score(text, example)[metric] == task.score(example.target, example)[metric]

    metric = task.card.main_metric.name
    ids = encode(example, tokenizer).answer
    cut = tokenizer.decode(ids[: how.max_new_tokens], skip_special_tokens=True)
    if right(cut_before(cut, how.stop)):
        return None
    if right(cut):
        return f"they hold a stop string, one of {', '.join(map(repr, how.stop))}"
    if right(tokenizer.decode(ids, skip_special_tokens=True)):
        return f"longer than max_new_tokens = {how.max_new_tokens}; raise it, or leave it out"
    return "the tokenizer does not give the same text back; change these rows, or take another base model"
