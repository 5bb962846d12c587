"""aLoRA (arXiv 2504.12397): LoRA that is switched on by certain tokens, and acts only from them on."""

from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from torch import nn

from paretune.methods.base import Context
from paretune.methods.hooks.start_from_data import first_batches, prompts_and_answers
from paretune.methods.peft import Peft, active_config
from paretune.spec import InputError

LONGEST_INVOCATION = 8
"""Tokens at most that switch the adapter on, where the study does not say which."""


class ALora(Peft):
    """Is switched on by the tokens that all questions of the task end with, unless the study names others."""

    @property
    def pools_answers(self) -> bool:
        """No: peft's `generate` says where the invocation tokens stand."""
        return False

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return a token that stands in for those that the training data will tell."""
        found = super().base_parameters(model, context)
        if "alora_invocation_tokens" in self.spec.parameters:
            return found
        return {**found, "alora_invocation_tokens": [0]}

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:  # noqa: ARG002
        """Set the tokens. Raises `InputError` when the questions have no common end."""
        if "alora_invocation_tokens" in self.spec.parameters:
            return
        texts = prompts_and_answers(self.spec, first_batches(self.spec, model, batches))
        ends = [prompt[-LONGEST_INVOCATION:][::-1] for prompt, _ in texts]
        common = [column[0] for column in takewhile(_all_alike, zip(*ends, strict=False))]
        if not common:
            raise InputError(
                f'method "{self.spec.label}": the questions of this task do not end in the same way; say in '
                "alora_invocation_tokens which tokens switch the adapter on"
            )
        active_config(model).alora_invocation_tokens = common[::-1]


def _all_alike(column: tuple[int, ...]) -> bool:
    return len(set(column)) == 1
