"""What writes answers: transformers' `generate` in fixed batches, or a pool of rows."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from torch import nn

from paretune.engine.generate import OnProgress, answer
from paretune.engine.pool import answer_in_pool, can_pool
from paretune.models.quantisation import is_quantised
from paretune.models.spread import is_spread
from paretune.spec import GeneratorName, Recipe


class Generator(Protocol):
    """Writes an answer to each prompt with one model."""

    def __call__(
        self,
        model: nn.Module,
        tokenizer: Any,
        prompts: Sequence[list[int]],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        end_ids: Sequence[int] = (),
        batch_size: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        on_progress: OnProgress | None = None,
    ) -> list[str]:
        """Return the answers in the order of the prompts, which are token ids, each cut before the first stop string.

        An answer ends with the tokenizer's end token, one of `end_ids`, a stop string or `max_new_tokens`. At most
        `batch_size` answers are written at once. They are greedy at a `temperature` of 0. In float32 a greedy answer
        is the one that transformers' `generate` gives to the prompt alone, but for ties within rounding.
        """


GENERATORS: Mapping[GeneratorName, Generator] = MappingProxyType({"transformers": answer, "pooled": answer_in_pool})


def generator_for(model: nn.Module, recipe: Recipe, *, rows_may_change: bool) -> GeneratorName:
    """Return what writes a model's answers.

    It is the pool where that changes no answer: in float32, greedily, where `rows_may_change` says that nothing of the
    method stands outside tokens, positions, mask and cache, and where the base model's cache lets rows come and go, as
    one on several devices does not.
    """
    exact = recipe.dtype == "float32" and not is_quantised(model) and not recipe.temperature and not is_spread(model)
    return "pooled" if exact and rows_may_change and can_pool(model) else "transformers"
