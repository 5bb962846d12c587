"""ShadowPEFT: a small trainable network next to the base model that corrects its hidden states."""

from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.methods.peft import Peft, active_config


class Shadow(Peft):
    """Also trains the small network to predict the answer by itself, through the base's output layer."""

    @property
    def pools_answers(self) -> bool:
        """No: its small network has a cache of its own."""
        return False

    def loss_terms(self, model: nn.Module, batch: Any) -> Tensor | None:
        """Return the weighted loss of the shadow network's own prediction, a mean over the answer's tokens.

        None for batches without text: the denoising loss of a shadow of a diffusion transformer is not added.
        """
        answer_mask: Tensor | None = getattr(batch, "answer_mask", None)
        if answer_mask is None:
            return None
        tuner: Any = model.base_model
        # The initial shadow state is the one that the network reaches without the base model. peft's own method would
        # put every token of the question through the output layer, only to mask its logits.
        states = tuner._seed_shadow_state[:, :-1][answer_mask[:, 1:]]
        head: nn.Linear = tuner.get_output_embeddings()
        logits = head(states.to(head.weight.dtype))
        loss = cross_entropy(logits.float(), batch.input_ids[:, 1:][answer_mask[:, 1:]])
        weight: float = active_config(model).auxiliary_loss_weight
        return weight * loss
