"""Floating-point operations of a language model's passes, by the usual formula. A product and a sum are two.

The formula is that of Chowdhery et al. 2022 (PaLM, arXiv 2204.02311, appendix B): a token's training step takes 6 for
each parameter of a matrix product, and 12 x layers x width of attention x sequence length. Of the 6, two belong to the
forward pass, two to the gradients of activations and two to those of weights, and the last two are taken of trained
parameters alone: frozen weights need no gradient. An adapter's own products are not counted.
"""

from typing import NamedTuple

from paretune.spec.base import Data


class StepTokens(NamedTuple):
    """What one optimizer step puts through a model: means over steps."""

    tokens: float
    """Tokens of all rows, padding included."""
    learned_tokens: float
    """Tokens for which logits are computed."""
    length: float
    """Tokens of a row, padding included, as the average token sees it."""


class ModelCompute(Data):
    """What a language model's operations depend on."""

    model: str
    product_parameters: int
    """Parameters of the matrix products that every token goes through, without the output layer."""
    output_parameters: int
    """Parameters of the output layer, which gives the logits."""
    num_layers: int
    attention_width: int
    """Heads times the width of a head."""

    @property
    def parameters(self) -> int:
        """Parameters of all products."""
        return self.product_parameters + self.output_parameters

    def forward_flops(self, length: float) -> float:
        """Return the operations of a token whose logits are computed, in a sequence so many tokens long."""
        return 2 * self.parameters + self._attention(length)

    def training_step_flops(self, step: StepTokens, trained_share: float, *, checkpointing: bool = False) -> float:
        """Return the operations of an optimizer step in which this share of the parameters, 0 to 1, is trained.

        With gradient checkpointing the layers' forward pass is made twice.
        """
        forward = 2 * self.product_parameters + self._attention(step.length)
        backward = 2 * forward + 2 * (trained_share - 1) * self.product_parameters
        layers = step.tokens * (forward * (2 if checkpointing else 1) + backward)
        return layers + step.learned_tokens * (4 + 2 * trained_share) * self.output_parameters

    def _attention(self, length: float) -> float:
        return 4 * self.num_layers * self.attention_width * length
