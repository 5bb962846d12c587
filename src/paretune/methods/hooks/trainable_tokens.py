"""Trainable tokens: the embeddings of a few tokens are trained and nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from peft.tuners.trainable_tokens.layer import TrainableTokensLayer
from pydantic import PositiveInt
from torch import nn

from paretune.methods.base import Context
from paretune.methods.hooks.start_from_data import first_batches, prompts_and_answers
from paretune.methods.peft import Peft, active_config, adapter_name
from paretune.methods.precision import keep_in_float32

NUM_TOKENS = 16
"""How many tokens are trained where the study does not say."""


class TrainableTokens(Peft):
    """Trains the `num_tokens` tokens that the task's questions use most, unless the study names `token_indices`."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"num_tokens": PositiveInt}

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return tokens that stand in for those that the training data will tell."""
        found = super().base_parameters(model, context)
        if "token_indices" in self.spec.parameters:
            return found
        return {**found, "token_indices": list(range(self.spec.parameters.get("num_tokens", NUM_TOKENS)))}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Choose the tokens: the most frequent ones, and of equally frequent ones those with lower numbers."""
        if "token_indices" in self.spec.parameters:
            return
        counted: Counter[int] = Counter()
        for prompt, _ in prompts_and_answers(self.spec, first_batches(self.spec, model, batches)):
            counted.update(prompt)
        by_use = sorted(counted, key=lambda token: (-counted[token], token))
        config = active_config(model)
        config.token_indices = sorted(by_use[: self.spec.parameters.get("num_tokens", NUM_TOKENS)])
        for module in model.modules():
            if isinstance(module, TrainableTokensLayer):
                module.update_layer(adapter_name(model), config, tied_adapter=module.tied_adapter)
        if context.recipe.trainable_dtype == "float32":
            keep_in_float32(model)
