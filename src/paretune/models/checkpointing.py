"""Gradient checkpointing, which transformers and diffusers each switch on in their own way."""

from typing import Any


def checkpoint_gradients(model: Any) -> None:
    """Have a model, bare or wrapped by a method, compute activations twice instead of keeping them.

    Nothing re-enters the autograd engine: diffusers never does, transformers is asked not to.
    """
    if hasattr(model, "gradient_checkpointing_enable"):
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    else:
        model.enable_gradient_checkpointing()


def keep_activations(model: Any) -> None:
    """Undo `checkpoint_gradients`."""
    if hasattr(model, "gradient_checkpointing_disable"):
        model.gradient_checkpointing_disable()
    else:
        model.disable_gradient_checkpointing()
