"""A language model that a task puts its questions to: answers that it writes, and how likely it finds given ones."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar, NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from paretune.engine.answering import answering
from paretune.engine.batches import Batches, Row, picked
from paretune.engine.encoding import (
    Encoded,
    encode_context,
    encode_continuation,
    encode_question,
    encode_questions,
    encode_within,
)
from paretune.engine.generate import OnProgress, shared_batches
from paretune.engine.generators import GENERATORS
from paretune.engine.objective import answer_logits
from paretune.engine.pictured import encode_each, encode_pictured, picture_question, pictured_batch
from paretune.spec import GeneratorName, Recipe
from paretune.tasks import Example, Task
from paretune.tasks.asking import Continuation, Loss, Writing


class Written(NamedTuple):
    """What a model was asked to write."""

    prompts: list[Any]
    """Each as token ids, or with a picture."""
    settings: dict[str, Any]
    """How it was generated, as `answer` takes it: lengths, ends and sampling."""


class LanguageRespondent:
    """A model, and how a task's questions are put to it."""

    pools: ClassVar[bool] = True
    """Whether a prompt is nothing but tokens, so that a pool of rows can take it."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        task: Task,
        recipe: Recipe,
        *,
        num_shots: int = 0,
        generator: GeneratorName = "transformers",
        batch_size: int,
        on_progress: OnProgress | None = None,
        timed: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        """`timed` gives what is entered while the model runs, and not while questions are encoded."""
        self._model = model
        self._tokenizer = tokenizer
        self._task = task
        self._recipe = recipe
        self._num_shots = num_shots
        self._generator = GENERATORS[generator]
        self._batch_size = batch_size
        self._on_progress = on_progress
        self._timed = timed
        self.written: Written | None = None
        """What it was asked to write last; None where it has written nothing."""

    def write(self, examples: Sequence[Example]) -> list[str]:
        """Return what it generates after each prompt, cut before the task's stop strings."""
        prompts = self._prompts(examples)
        length, stop, end_ids = answering(self._task, self._tokenizer)
        return self._generated(prompts, Writing(length, stop, self._recipe.temperature, self._recipe.top_p), end_ids)

    def complete(self, contexts: Sequence[str], how: Writing) -> list[str]:
        """Return what it generates after each context, cut before the stop strings; worked examples come first."""
        opening = self._task.few_shot(self._num_shots)
        return self._generated([encode_context(opening + one, self._tokenizer) for one in contexts], how)

    def continuations(self, asked: Sequence[Continuation]) -> list[Loss]:
        """Return how unlikely it finds each text after its context; worked examples come first."""
        opening = self._task.few_shot(self._num_shots)
        rows = [encode_continuation(opening + one.context, one.text, self._tokenizer) for one in asked]
        with self._timed():
            return answer_losses(self._model, rows, self._collate, self._batch_size, self._on_progress)

    def losses(self, examples: Sequence[Example]) -> list[Loss]:
        """Return how unlikely it finds each completion with its end token after the question as it is put.

        Of plain text it is all of it but its first token, as far as the recipe's `max_length` goes.
        """
        rows = self._rows(examples)
        with self._timed():
            return answer_losses(self._model, rows, self._collate, self._batch_size, self._on_progress)

    def _generated(self, prompts: list[Any], how: Writing, end_ids: tuple[int, ...] = ()) -> list[str]:
        settings: dict[str, Any] = {"max_new_tokens": how.max_new_tokens, "temperature": how.temperature}
        settings |= {"top_p": how.top_p, "end_ids": end_ids}
        self.written = Written(prompts, settings)
        among: dict[str, Any] = {"stop": how.stop, "batch_size": self._batch_size, "on_progress": self._on_progress}
        with self._timed():
            return self._generator(self._model, self._tokenizer, prompts, **among, **settings)

    def _prompts(self, examples: Sequence[Example]) -> list[Any]:
        """Return what an answer to each is generated from, as generators take it."""
        return list(encode_questions(self._task, examples, self._tokenizer, self._num_shots))

    def _rows(self, examples: Sequence[Example]) -> Sequence[Any]:
        """Return each question with its completion."""
        shots, opening = self._task.examples("train")[: self._num_shots], self._task.few_shot(self._num_shots)
        rows = []
        for one in examples:
            encoded = encode_within(one, self._tokenizer, self._recipe.max_length)
            if not one.learns_prompt:
                question = encode_question(one, self._tokenizer, shots, opening)
                encoded = Encoded.of(question, encoded.answer)
            rows.append(encoded)
        return rows

    def _collate(self, rows: Sequence[Any]) -> Any:
        """Return rows as one batch."""
        return Batches(rows, len(rows), self._tokenizer.pad_token_id, seed=0).collate(rows)


class PictureRespondent(LanguageRespondent):
    """A model that is shown a picture with each question."""

    pools: ClassVar[bool] = False

    def _prompts(self, examples: Sequence[Example]) -> list[Any]:
        return encode_each(examples, partial(picture_question, tokenizer=self._tokenizer))

    def _rows(self, examples: Sequence[Example]) -> Sequence[Any]:
        return encode_each(examples, partial(encode_pictured, tokenizer=self._tokenizer))

    def _collate(self, rows: Sequence[Any]) -> Any:
        return pictured_batch(rows, self._tokenizer.pad_token_id)


def answer_losses(
    model: nn.Module,
    rows: Sequence[Row],
    collate: Callable[[Sequence[Any]], Any],
    batch_size: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Loss]:
    """Return the loss of each row's trained tokens, in the order of the rows.

    The model is put into eval mode. `on_progress(done, total)` is called after each batch.
    """
    device = next(model.parameters()).device
    found: dict[int, Loss] = {}
    model.eval()
    for indices in shared_batches([row.num_tokens for row in rows], batch_size):
        batch = collate([rows[index] for index in indices]).to(device)
        predicting = batch.answer_mask[:, 1:]
        with torch.no_grad():
            logits = answer_logits(model, batch).float()
        targets = picked(batch.input_ids[:, 1:], predicting)
        nats = cross_entropy(logits, targets, reduction="none").double()
        likeliest = logits.argmax(dim=-1) == targets
        counts = predicting.sum(dim=1).tolist()
        parts = zip(torch.split(nats, counts), torch.split(likeliest, counts), strict=True)
        for index, (part, best) in zip(indices, parts, strict=True):
            found[index] = Loss(part.sum().item(), len(part), bool(best.all()))
        if on_progress is not None:
            on_progress(len(found), len(rows))
    return [found[index] for index in range(len(rows))]
