"""The generic method: any config that the installed peft knows, with its own parameters, and no code."""

import copy
import dataclasses
import re
import typing
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from peft import PeftConfig, PeftModel, PromptLearningConfig, get_peft_model
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING
from pydantic import PydanticUserError, TypeAdapter, ValidationError
from torch import nn

from paretune.methods.base import LANGUAGE, Context, Method, check_own_parameter
from paretune.methods.checkpoint import attaching, reading, require_safetensors, tidy_adapter_config
from paretune.methods.heads import check_head, further_modules
from paretune.methods.layer_choices import (
    adapted_modules,
    check_layer_choices,
    check_parameter_choices,
    check_patterns,
    check_token_indices,
)
from paretune.methods.lora_options import WIDER_KINDS
from paretune.methods.parts import TARGETS, check_has_parts, layers_in_parts, wanted_parts
from paretune.methods.precision import keep_dtype_of_activations, train_in_float32
from paretune.methods.ranges import check_range
from paretune.methods.registry import LIBRARY_PREFIX
from paretune.methods.targets import has_packed_layers, linear_layers_of_blocks, table_knows
from paretune.spec import InputError, MethodSpec, Recipe, Unavailable, nearest, one_line

_IGNORED = "will be ignored"
"""In what peft says of a parameter that another one makes pointless."""


class Peft(Method):
    """Puts a peft adapter on the base model. Subclasses add what one method needs: a hook, a parameter of their own."""

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with the adapter attached; only the adapter is trainable."""
        trained_as = context.recipe.trainable_dtype
        given = self.spec.parameters.get("modules_to_save")
        from_base = {**self.base_parameters(model, context), **further_modules(context.head, given)}
        check_has_parts(self.spec, context.kind)
        if context.kind.has_parts:
            from_base |= self._in_parts(model, from_base)
        config = self.config(context.recipe, context.kind.peft_task_type, from_base)
        self.check_config(config, context)
        check_token_indices(self.spec.label, config, model)
        with attaching():
            wrapped: nn.Module = get_peft_model(model, config, autocast_adapter_dtype=trained_as != "as_base")
        keep_dtype_of_activations(wrapped)
        check_layer_choices(self.spec.label, config, adapted_modules(wrapped))
        check_parameter_choices(self.spec.label, config, wrapped)
        check_head(self.spec.label, wrapped, config, context.head)
        if trained_as == "float32":
            train_in_float32(wrapped)
        return wrapped

    def config(
        self,
        recipe: Recipe,
        task_type: str | None = LANGUAGE.peft_task_type,
        from_base: Mapping[str, Any] = MappingProxyType({}),
    ) -> PeftConfig:
        """Return peft's config; `from_base` wins over what the study gives. Raises `InputError` for refused values."""
        own = {*self.own_parameters, TARGETS}
        given = {name: value for name, value in set_parameters(self.spec) if name not in own}
        # A copy: peft changes lists and tables that it is given, and the spec is part of the trial's identity.
        values = copy.deepcopy({**self.recipe_parameters(recipe), **given, **from_base})
        try:
            config: PeftConfig = config_class(self.spec)(task_type=task_type, **values)
        except (ValueError, TypeError, KeyError, AssertionError) as error:
            raise InputError(f'method "{self.spec.label}": peft refuses its parameters: {one_line(error)}') from None
        return config

    def check_config(self, config: PeftConfig, context: Context) -> None:
        """Raise `InputError` for a config that this trial cannot use, or that would do nothing in it."""

    def recipe_parameters(self, recipe: Recipe) -> dict[str, Any]:  # noqa: ARG002
        """Return parameters that follow from the recipe; those that the study gives win over them."""
        return {}

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:
        """Return parameters that follow from the base model or its tokenizer; they win over those that are given.

        Here these are the layers to adapt, where the study names none and peft does not know them for this model.
        """
        given = self.spec.parameters.get("target_modules")
        table = getattr(tuner_class(self.spec), "target_module_mapping", None)
        if given is None and table and (context.kind.has_parts or not table_knows(table, model)):
            return {"target_modules": self.default_targets(model)}
        if given == "all-linear" and (context.kind.linear_in_blocks or has_packed_layers(model)):
            return {"target_modules": self.default_targets(model)}
        return {}

    def _in_parts(self, model: nn.Module, from_base: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return which layers of an image-text model are adapted: those in the parts that the study names."""
        if not self.goes_with_pictures:
            raise Unavailable(
                f'method "{self.spec.label}": its virtual tokens are embeddings, which do not go with pictures in the '
                "text; prefix-tuning, whose virtual tokens are keys and values, does"
            )
        bare = "target_parameters" in parameter_kinds(config_class(self.spec))
        return layers_in_parts(self.spec, model, from_base, bare=bare)

    @property
    def goes_with_pictures(self) -> bool:
        """Whether image-text models take it: they replace the embeddings of a picture's tokens, counted as they are."""
        return not issubclass(config_class(self.spec), PromptLearningConfig)

    @property
    def pools_answers(self) -> bool:
        """Whether peft's own `generate` adds nothing, such as virtual tokens."""
        return not issubclass(config_class(self.spec), PromptLearningConfig)

    @property
    def resumes(self) -> bool:
        """Yes, with an adapter of peft's own: it is parameters. Methods that keep more say so."""
        return config_class(self.spec).__module__.startswith("peft.")

    def default_targets(self, model: nn.Module) -> list[str]:
        """Return the names of the layers to adapt: the linear layers of all blocks."""
        return linear_layers_of_blocks(model)

    def num_virtual_tokens(self, longest_example: int) -> int:  # noqa: ARG002
        """Return the number of learned tokens, of a method that has some."""
        config: Any = self.config(Recipe())
        return int(config.num_virtual_tokens or 0) if config.is_prompt_learning else 0

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write peft's own layout: `adapter_config.json` and `adapter_model.safetensors`."""
        assert isinstance(model, PeftModel)
        # The base's embeddings are not trained. Left to itself, peft would ask the network whether they were resized.
        model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # an empty form for a model card
        tidy_adapter_config(folder)

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with the saved adapter attached, in eval mode, nothing trainable."""
        require_safetensors(folder, "adapter_config.json", "adapter_model.safetensors")
        with reading(folder), attaching():
            warnings.filterwarnings("error", message="Found missing adapter keys")
            loaded: nn.Module = PeftModel.from_pretrained(model, str(folder))
        keep_dtype_of_activations(loaded)
        return loaded.requires_grad_(False).eval()

    @classmethod
    def check(cls, spec: MethodSpec, module_names: Sequence[str]) -> None:
        """Raise `InputError` for an unknown parameter, a value of the wrong kind, or a target that does not exist."""
        kinds = parameter_kinds(config_class(spec))
        for name, value in set_parameters(spec):
            if name in cls.own_parameters:
                check_own_parameter(cls, spec, name, value)
            elif name == TARGETS and "target_modules" in kinds:
                wanted_parts(spec)
            elif name not in kinds:
                known = [*kinds, *cls.own_parameters]
                raise InputError(
                    f'method "{spec.label}": {spec.peft_type} has no parameter "{name}"{nearest(name, known)}'
                )
            else:
                _check_kind(spec, name, value, kinds[name])
                check_range(spec.label, name, value)
        check_patterns(spec.label, spec.parameters)
        with warnings.catch_warnings(record=True) as caught:  # others are about parameters that only a base model tells
            warnings.simplefilter("always")
            cls(spec).config(Recipe())
        ignored = next((str(one.message) for one in caught if _IGNORED in str(one.message)), None)
        if ignored is not None:
            raise InputError(f'method "{spec.label}": {ignored}')
        for name in ("target_modules", "exclude_modules", "feedforward_modules", "modules_to_save"):
            _check_targets(spec, name, spec.parameters.get(name), module_names)


def config_class(spec: MethodSpec) -> type[PeftConfig]:
    """Return peft's config class for a spec. Raises `InputError` when the installed peft does not have it."""
    found: type[PeftConfig] | None = _registered(PEFT_TYPE_TO_CONFIG_MAPPING, spec)
    if found is None:
        raise InputError(f'method "{spec.label}": the installed peft has no type "{spec.peft_type}"')
    return found


def tuner_class(spec: MethodSpec) -> type[nn.Module] | None:
    """Return peft's class that attaches the adapter, or None where a prompt needs no such class."""
    found: type[nn.Module] | None = _registered(PEFT_TYPE_TO_TUNER_MAPPING, spec)
    return found


def _registered(mapping: Mapping[Any, Any], spec: MethodSpec) -> Any:
    named = {str(getattr(peft_type, "value", peft_type)): found for peft_type, found in mapping.items()}
    return named.get(spec.peft_type or "")


def parameter_kinds(config: type[PeftConfig]) -> dict[str, Any]:
    """Return the names of a config's parameters that a study may set, with their declared types."""
    set_by_us = {"task_type", "peft_type", "auto_mapping", "inference_mode", "base_model_name_or_path", "peft_version"}
    try:
        hints = typing.get_type_hints(config)
    except (NameError, TypeError):  # a declaration that only type checkers can read
        hints = {}
    fields = (field.name for field in dataclasses.fields(config) if field.init)
    kinds = {**hints, **WIDER_KINDS}
    return {name: kinds.get(name, Any) for name in fields if name not in set_by_us}


def set_parameters(spec: MethodSpec) -> list[tuple[str, Any]]:
    """Return the parameters that a spec sets, with their values.

    A complete configuration of peft's own, `peft:TYPE`, also lists what it leaves unset, and may come from another
    version: what is unset by default or unknown to the installed version says nothing, and is passed over.
    """
    given = list(spec.parameters.items())
    if not spec.name.startswith(LIBRARY_PREFIX):
        return given
    fields = {field.name: field for field in dataclasses.fields(config_class(spec))}
    unset = {name for name, value in given if not value and (name not in fields or fields[name].default is value)}
    return [(name, value) for name, value in given if name not in unset]


def _check_kind(spec: MethodSpec, name: str, value: object, kind: Any) -> None:
    parts = [part for part in (kind, *typing.get_args(kind)) if dataclasses.is_dataclass(part)]
    if parts and isinstance(value, dict):  # peft drops keys that it does not know
        known = [field.name for field in dataclasses.fields(parts[0]) if field.init]
        for key in value:
            if key not in known:
                raise InputError(f'method "{spec.label}": {name} has no key "{key}"{nearest(key, known)}')
    if isinstance(value, bool) and kind in (int, float):
        raise InputError(f'method "{spec.label}": parameter "{name}" = {str(value).lower()} must be a number')
    try:
        # Lax, because a study says 16 where peft declares a float, and lists where it makes sets.
        TypeAdapter(kind, config={"arbitrary_types_allowed": True}).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[-1]["msg"]
        raise InputError(f'method "{spec.label}": parameter "{name}" = {value!r}: {reason}') from None
    except PydanticUserError:  # a declared type that cannot be checked; peft itself will look at the value
        return


def _check_targets(spec: MethodSpec, name: str, value: object, module_names: Sequence[str]) -> None:
    """Refuse targets that match no module: peft skips one silently as long as another matches."""
    if value is None or value == "all-linear":
        return
    if isinstance(value, str):
        try:
            found = any(re.fullmatch(value, module) for module in module_names)
        except re.error as error:
            raise InputError(
                f'method "{spec.label}": {name} = "{value}" is not a regular expression: {error}'
            ) from None
        if not found:
            raise InputError(f'method "{spec.label}": {name} = "{value}" matches no module of the base model')
        return
    if isinstance(value, list | tuple):
        last_parts = sorted({part for module in module_names if not (part := module.rpartition(".")[2]).isdecimal()})
        for target in value:
            if not any(module == target or module.endswith(f".{target}") for module in module_names):
                hint = nearest(str(target), last_parts) or f"; its modules are called {', '.join(last_parts)}"
                raise InputError(f'method "{spec.label}": {name}: the base model has no module "{target}"{hint}')


def adapter_name(model: nn.Module) -> str:
    """Return the name of the one adapter that this package attaches."""
    assert isinstance(model, PeftModel)
    return str(model.active_adapter)


def adapter_parameters(model: nn.Module, *kinds: str) -> list[torch.nn.Parameter]:
    """Return the parameters whose name holds one of `kinds`, such as "lora_A"."""
    return [parameter for name, parameter in model.named_parameters() if any(kind in name for kind in kinds)]


def active_config(model: nn.Module) -> Any:
    """Return peft's config of the one adapter that this package attaches."""
    assert isinstance(model, PeftModel)
    return model.peft_config[adapter_name(model)]
