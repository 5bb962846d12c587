"""The longest texts that a language model reads in a trial, known before the first step."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from paretune.engine import answering, encode_answer, encode_question, encode_within
from paretune.engine.answering import references
from paretune.kinds.base import LongText, ReadTexts
from paretune.measure.retention import MAX_TOKENS, general_texts
from paretune.methods import build
from paretune.spec import Trial
from paretune.tasks import Example, Task


def longest_example(task: Task, trial: Trial, tokenizer: Any) -> int:
    """Return the tokens of the longest example within `max_length` that is trained or validated on, 0 for none."""
    most, whole_text = trial.recipe.max_length, trial.recipe.loss_on == "whole_text"
    examples = chain(task.examples("train"), task.examples("validation"))
    lengths = (encode_within(one, tokenizer, most, whole_text=whole_text).num_tokens for one in examples)
    return max((length for length in lengths if length <= most), default=0)


def longest_question(task: Task, trial: Trial, tokenizer: Any, num_shots: int | None = None) -> LongText:
    """Return the longest question of validation and test as it is put, worked examples before it, with its answer.

    `num_shots` is by default what the trial's method shows.
    """
    num_shots = build(trial.method).num_shots if num_shots is None else num_shots
    shots, opening = task.examples("train")[:num_shots], task.few_shot(num_shots)
    written = answering(task, tokenizer).max_new_tokens - 1 if task.generates else 0  # nothing follows the last token
    listed: dict[tuple[str, ...], int] = {}

    def length(one: Example) -> int:
        if one.learns_prompt:
            read = encode_within(one, tokenizer, trial.recipe.max_length).num_tokens
            return max(read, len(encode_question(one, tokenizer, shots, opening)) + written)
        if one.choices not in listed:
            answers = [one.answered(choice) for choice in one.choices]
            listed[one.choices] = max((len(encode_answer(each, tokenizer)) for each in answers), default=0)
        return len(encode_question(one, tokenizer, shots, opening)) + max(written, listed[one.choices])

    number = max(map(length, references(task)))
    before = f" after {num_shots} worked examples" if num_shots else ""
    words = f'the longest question of task "{task.card.name}"{before} with its answer'
    mend = "leave out the longest questions, or lower max_new_tokens" + (" or shots" if num_shots else "")
    return LongText(words, number, mend)


def longest_general_text(trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> Iterator[LongText]:
    """Yield the longest general text, where the trial measures forgetting."""
    if "forgetting" not in trial.measures:
        return
    wanted = trial.general_text
    texts, most = (general_texts(), MAX_TOKENS) if wanted is None else (read_texts(wanted), wanted.max_tokens)
    number = max(len(tokenizer(text, verbose=False)["input_ids"][:most]) for text in texts)
    yield LongText("the longest general text", number, "lower max_tokens of general_text")
