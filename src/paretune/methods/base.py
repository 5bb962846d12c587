"""What a method is: where it steps into the one training loop, and how its result is saved and loaded."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.optim import Optimizer

from paretune.methods.capabilities import answering_of
from paretune.methods.card import Preset
from paretune.methods.text_learner import TextLearner
from paretune.spec import CAUSAL_LM, InputError, MethodSpec, ModelKind, Recipe, nearest

Objective = Callable[[nn.Module, Any], Tensor]
"""Returns the sum of a batch's loss terms, a scalar: the loop divides by their number over the whole step."""


class KindTraits(NamedTuple):
    """What a method may know about the kind of its base model."""

    name: ModelKind
    peft_task_type: str | None
    """What peft calls it; None where peft has no name. With SEQ_CLS it trains the classification head as well."""
    linear_in_blocks: bool = False
    """Whether "all-linear" stands for the linear layers of repeated blocks alone: peft would take in an encoder's
    pooler, which sees one vector a text, and knows no diffusers."""
    always_batched: bool = False
    """Whether models are evaluated in batches even with a method whose answers depend on them, as images are drawn."""
    has_parts: bool = False
    """Whether models consist of a language tower, a vision tower and a projector, of which a method may take some."""


LANGUAGE = KindTraits(CAUSAL_LM, "CAUSAL_LM")


class Context(NamedTuple):
    """What a method may know about the trial it is part of."""

    recipe: Recipe
    learning_rate: float | None
    """Peak learning rate; none where nothing is trained."""
    seed: int
    tokenizer: Any
    """The base model's tokenizer; None where the base model has none of its own."""
    kind: KindTraits = LANGUAGE
    objective: Objective | None = None
    """What training minimises. A method whose start depends on data needs it."""
    head: tuple[str, ...] = ()
    """Names of the modules that every method trains along: those of a head that the task needs."""

    @property
    def model_kind(self) -> ModelKind:
        """The name of the base model's kind."""
        return self.kind.name


class LoopHooks:
    """Where the training loop asks for more than a forward pass, a backward pass and an optimizer's step."""

    def loss_terms(self, model: nn.Module, batch: Any) -> Tensor | None:  # noqa: ARG002
        """Return a scalar that is added to the mean task loss of every optimizer step, or None.

        Called right after the forward pass on `batch`. The recorded losses do not contain it.
        """
        return None

    def after_step(self, model: nn.Module, step: int) -> None:
        """React to optimizer step `step`, counted from 0. Gradients are still there."""


class Method(LoopHooks, ABC):
    """One way to fine-tune. The loop calls, in this order:

    `wrap`, `before_training`, `optimizer`, then for every step: forward passes with `loss_terms` added to the loss,
    the optimizer's step, `after_step`, and only then the gradients are zeroed; at the end `save`. Evaluation builds a
    new instance from the same spec and calls `load` on a fresh base model.

    Guarantees every method gives: the same spec, base model and torch seed give the same initial values; the model that
    `wrap` and `load` return is called as the base model is and answers in the same form (a causal language model takes
    `input_ids` and `attention_mask` and gives `logits` of shape (batch, sequence, vocabulary)); nothing is pickled;
    nothing asks the network.
    """

    preset: ClassVar[Preset | None] = None
    """A plug-in's own card. Its name is the name it is asked for by."""
    own_parameters: ClassVar[Mapping[str, Any]] = {}
    """Parameters that this class reads itself, with the type a value must have: any type that pydantic checks."""
    schedule_parameters: ClassVar[tuple[str, ...]] = ()
    """Parameters that count optimizer steps; where the study leaves them out, they follow from its recipe."""
    attaches_without_weights: ClassVar[bool] = True
    """Whether `wrap` works on a base model that has shapes and no values, as while planning."""

    model_kinds: ClassVar[frozenset[ModelKind] | None] = None
    """The kinds of base model that it goes with, by name; None for any."""

    def __init__(self, spec: MethodSpec) -> None:
        self.spec = spec

    @abstractmethod
    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with exactly the parameters trainable that this method trains. May change `model`.

        Raises `InputError` for what does not go with this base model or this recipe: planning calls it too, on a model
        without weights. Any other error raised here is the trial's result.
        """

    @abstractmethod
    def save(self, model: nn.Module, folder: Path) -> None:
        """Write what `load` needs into `folder` (made if it does not exist): safetensors and JSON, nothing else."""

    @abstractmethod
    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return a fresh base model with the saved state attached, in eval mode, nothing trainable.

        Raises `InputError`, naming the folder, when it cannot be read.
        """

    def before_training(self, model: nn.Module, context: Context, batches: Iterable[Any]) -> None:
        """Do what needs data before the first step, in place. Nothing by default.

        `batches` are those of the training, from the first on, and may have no end. Parameters may be replaced here:
        the optimizer is built afterwards.
        """

    def parameter_groups(self, model: nn.Module, context: Context) -> list[dict[str, Any]]:  # noqa: ARG002
        """Return optimizer groups over the trainable parameters; a group may bring its own `lr` (peak)."""
        return [{"params": [parameter for parameter in model.parameters() if parameter.requires_grad]}]

    def optimizer(self, model: nn.Module, context: Context) -> Optimizer:
        """Return the optimizer that the recipe asks for over this method's parameter groups."""
        rate = required_rate(self.spec, context)
        groups = self.parameter_groups(model, context)
        if not any(group["params"] for group in groups):
            raise InputError(f'method "{self.spec.label}": nothing is trainable; check its target_modules')
        recipe = context.recipe
        if recipe.optimizer == "sgd":
            return torch.optim.SGD(groups, lr=rate, weight_decay=recipe.weight_decay)
        return torch.optim.AdamW(groups, lr=rate, weight_decay=recipe.weight_decay)

    @classmethod
    def check(cls, spec: MethodSpec, module_names: Sequence[str]) -> None:  # noqa: ARG003
        """Raise `InputError` for a parameter that this method does not have or a value it cannot take."""
        for name, value in spec.parameters.items():
            check_own_parameter(cls, spec, name, value)

    @property
    def looks_at_data(self) -> bool:
        """Whether what it trains may depend on the data, and so on the seed that decides the data's order."""
        return type(self).before_training is not Method.before_training

    @property
    def trains(self) -> bool:
        """Whether there is anything to train."""
        return self.spec.trains

    @property
    def leaves_base_model(self) -> bool:
        """Whether the model that `load` returns computes exactly what the base model does."""
        return False

    @property
    def num_shots(self) -> int:
        """Worked examples put before every question."""
        return 0

    def num_virtual_tokens(self, longest_example: int) -> int:  # noqa: ARG002
        """Return how many places it takes before every text, at most.

        `longest_example` is the number of tokens of the longest training example, for methods that put examples there.
        """
        return 0

    @property
    def pools_answers(self) -> bool:
        """Whether rows may join and leave a batch while answers are generated.

        They may where a forward pass depends on nothing but tokens, positions, mask and cache. Otherwise answers come
        from transformers' `generate`.
        """
        return False

    @property
    def resumes(self) -> bool:
        """Whether its training can be resumed in another process, bit for bit as if it had never stopped.

        It can where all that changes in training is in the trained parameters, the optimizer's state and torch's random
        numbers. Asked of Paretune's own methods only: it is unknown when the code of another package changes.
        """
        return False

    def text_learner(self) -> TextLearner | None:
        """Return what labels texts in place of the base model, or None where the base model is asked.

        It learns from the examples that the methods which train are shown. Nothing but classification asks for it.
        """
        return None

    def answers_alone(self, *, tied_embeddings: bool | None, model_kind: ModelKind = CAUSAL_LM) -> bool:
        """Tell whether it is evaluated with batch size 1, as answers may depend on other items in the batch.

        `tied_embeddings` says whether the base model ties its input and output embeddings, None if unknown.
        """
        return answering_of(self.spec, tied_embeddings, model_kind).alone


def required_rate(spec: MethodSpec, context: Context) -> float:
    """Return the trial's learning rate. Raises `InputError` where a method that trains has none."""
    if context.learning_rate is None:
        raise InputError(f'method "{spec.label}": it trains and needs a learning_rate')
    return context.learning_rate


def check_own_parameter(method: type[Method], spec: MethodSpec, name: str, value: object) -> None:
    """Raise `InputError` unless `name` is one of the class's own parameters and `value` has its type."""
    known = method.own_parameters
    if name not in known:
        raise InputError(
            f'method "{spec.label}": unknown parameter "{name}"{nearest(name, known)}; '
            f"known parameters: {', '.join(sorted(known)) or 'none'}"
        )
    try:
        TypeAdapter(known[name]).validate_python(value, strict=True)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InputError(f'method "{spec.label}": parameter "{name}" = {value!r}: {reason}') from None
