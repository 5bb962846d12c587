"""CPT (context-aware prompt tuning, arXiv 2410.17222): worked examples before every text, whose embeddings are trained.

The embeddings stay within a small distance of the examples' own; those of the examples' answers are not moved at all.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

from pydantic import PositiveInt
from torch import nn

from paretune.methods.base import Context
from paretune.methods.hooks.start_from_data import first_batches, prompts_and_answers
from paretune.methods.peft import Peft, active_config, adapter_name
from paretune.methods.precision import keep_in_float32

NUM_EXAMPLES = 2
"""How many training examples stand before every text where the study does not say."""
_QUESTION, _ANSWER, _KINDS = 2, 4, 4
"""How CPT marks tokens: kind + 4 times the example's number. It trains questions and leaves answers as they are."""


class Cpt(Peft):
    """Takes the first `num_examples` training examples as its context, unless the study gives `cpt_token_ids`."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"num_examples": PositiveInt}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Make the context, and a new prompt that starts as the context's embeddings."""
        if self._has_given_tokens:
            return
        tokens: list[int] = []
        kinds: list[int] = []
        examples = prompts_and_answers(self.spec, first_batches(self.spec, model, batches))
        for index, (question, answer) in enumerate(islice(examples, self._num_examples)):
            tokens += [*question, *answer]
            kinds += [_QUESTION + _KINDS * index] * len(question) + [_ANSWER + _KINDS * index] * len(answer)
        config: Any = active_config(model)
        config.cpt_token_ids, config.cpt_tokens_type_mask = tokens, kinds
        config.cpt_mask = [1] * len(tokens)
        config.num_virtual_tokens = len(tokens)
        set_up: Any = model._setup_prompt_encoder
        set_up(adapter_name(model))
        if context.recipe.trainable_dtype == "float32":
            keep_in_float32(model)

    def num_virtual_tokens(self, longest_example: int) -> int:
        """Return the tokens that are given, or those of its examples if all are as long as the longest one."""
        if self._has_given_tokens:
            return super().num_virtual_tokens(longest_example)
        return self._num_examples * longest_example

    @property
    def _has_given_tokens(self) -> bool:
        return "cpt_token_ids" in self.spec.parameters

    @property
    def _num_examples(self) -> int:
        return int(self.spec.parameters.get("num_examples", NUM_EXAMPLES))
