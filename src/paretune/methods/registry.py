"""From a name to a method: presets first, then any type that peft knows, then plug-ins."""

import ast
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from paretune.methods.capabilities import PLUGIN_GROUP
from paretune.methods.card import Preset
from paretune.methods.lora_options import REFUSED, needed_implementations
from paretune.methods.other_names import OTHER_NAMES
from paretune.methods.presets import PRESETS
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.spec import InputError, MethodEntry, MethodSpec, Unavailable, nearest

if TYPE_CHECKING:
    from paretune.methods.base import Method

_Parameterised = TypeVar("_Parameterised", MethodEntry, MethodSpec)

IMPLEMENTATIONS = {
    "base": "paretune.methods.hooks.base_model:BaseModel",
    "full": "paretune.methods.hooks.full:Full",
    "peft": "paretune.methods.peft:Peft",
    "adalora": "paretune.methods.hooks.adalora:AdaLora",
    "adamss": "paretune.methods.hooks.adamss:AdaMss",
    "adaption-prompt": "paretune.methods.hooks.adaption_prompt:AdaptionPrompt",
    "alora": "paretune.methods.hooks.alora:ALora",
    "beft": "paretune.methods.hooks.beft:Beft",
    "corda": "paretune.methods.hooks.taken_from_data:Corda",
    "cpt": "paretune.methods.hooks.cpt:Cpt",
    "eva": "paretune.methods.hooks.eva:Eva",
    "head": "paretune.methods.hooks.head:HeadAlone",
    "ia3": "paretune.methods.hooks.ia3:Ia3",
    "kasa": "paretune.methods.hooks.kasa:Kasa",
    "ln-tuning": "paretune.methods.hooks.ln_tuning:LnTuning",
    "lora-fa": "paretune.methods.hooks.lora_fa:LoraFa",
    "lora-ga": "paretune.methods.hooks.taken_from_data:LoraGa",
    "lora-plus": "paretune.methods.hooks.lora_plus:LoraPlus",
    "lora-riemannian": "paretune.methods.hooks.lora_riemannian:LoraRiemannian",
    "monteclora": "paretune.methods.hooks.monteclora:MonteCLora",
    "multitask-prompt-tuning": "paretune.methods.hooks.task_ids:MultitaskPromptTuning",
    "mutated-base": "paretune.methods.hooks.mutated_base:MutatedBase",
    "poly": "paretune.methods.hooks.task_ids:Poly",
    "prefix": "paretune.methods.hooks.prefix:KeyValuePrefix",
    "shadow": "paretune.methods.hooks.shadow:Shadow",
    "tfidf": "paretune.methods.hooks.tfidf:TfIdf",
    "trainable-tokens": "paretune.methods.hooks.trainable_tokens:TrainableTokens",
    "xlora": "paretune.methods.hooks.xlora:XLora",
}
"""The classes that build methods, by the name that a `MethodSpec` holds."""

LIBRARY_PREFIX = "peft:"
"""`peft:lora` is LoRA with the library's defaults, where `lora` is the preset."""


def resolve(entry: MethodEntry) -> MethodSpec:
    """Return the entry with its preset filled in. The entry's parameters win over the preset's.

    Raises `InputError` with the nearest known name when nothing is called that, and for options of LoRA that cannot be
    combined.
    """
    preset = _find(entry.name)
    parameters = {**preset.parameters, **_without_defaults(preset, entry.parameters)}
    implementation = preset.implementation
    if preset.peft_type == "LORA":
        implementation = _lora_implementation(entry.row_label, preset, parameters)
    return MethodSpec(
        name=entry.name,
        label=entry.row_label,
        implementation=implementation,
        peft_type=preset.peft_type,
        parameters=parameters,
    )


def card_of(name: str) -> Preset:
    """Return what is known of a method by any name that a study may use. Raises `InputError` for an unknown one."""
    return _find(name)


def _without_defaults(preset: Preset, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that say something: those that differ from the library's default or from the preset.

    Two entries that build the same thing are then the same method, for its audit as for a trial's id.
    """
    if not given or preset.peft_type is None:
        return dict(given)
    from paretune.methods.defaults import library_defaults

    defaults = library_defaults(preset.peft_type)
    return {
        name: value
        for name, value in given.items()
        if name in preset.parameters or name not in defaults or defaults[name] != value
    }


def prior_learning_rate(spec: MethodSpec) -> float | None:
    """Return where the search for the rate begins, or None where nothing is known or nothing is trained."""
    return _find(spec.name).prior_learning_rate


def build(spec: MethodSpec) -> "Method":
    """Return the method. Raises `InputError` when the implementation is not installed."""
    return _class_of(spec)(spec)


def without_schedule(method: _Parameterised) -> _Parameterised:
    """Return an entry or a spec without the parameters that count optimizer steps: they then follow from the recipe."""
    counted = _class_of(resolve(method) if isinstance(method, MethodEntry) else method).schedule_parameters
    kept = {name: value for name, value in method.parameters.items() if name not in counted}
    return method.model_copy(update={"parameters": kept})


def check_method(spec: MethodSpec, module_names: Sequence[str]) -> None:
    """Raise `InputError` for what could only fail once training starts.

    That is an unknown parameter, a value that cannot be, a target module that does not exist, and a package or an
    accelerator that the method needs and this machine does not have. `module_names` are the dotted names of the base
    model's modules.
    """
    _check_machine(spec)
    _class_of(spec).check(spec, module_names)


def method_cards() -> tuple[Preset, ...]:
    """Return a card for every preset, every plug-in, and every type of peft's that has no preset of its own."""
    named = {preset.peft_type for preset in PRESETS.values()}
    bare = (_bare(peft_type) for peft_type in peft_types() if peft_type not in named)
    return (*PRESETS.values(), *(_plugin_card(name, plugin) for name, plugin in _plugins().items()), *bare)


@cache
def peft_types() -> tuple[str, ...]:
    """Return the installed peft's type names in its own order, read from its source so that torch stays unimported."""
    package = importlib.util.find_spec("peft")
    if package is None or not package.submodule_search_locations:
        raise InputError("peft is not installed; install it with: pip install peft")
    source = Path(package.submodule_search_locations[0], "utils", "peft_types.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == "PeftType":
            constants = [line.value for line in node.body if isinstance(line, ast.Assign)]
            return tuple(str(value.value) for value in constants if isinstance(value, ast.Constant))
    raise InputError("this version of peft keeps its list of types elsewhere; install peft 0.21")


def _lora_implementation(label: str, preset: Preset, parameters: Mapping[str, Any]) -> str:
    """Return what builds LoRA with these parameters. Raises `InputError` for options that exclude each other."""
    for option, reason in REFUSED.items():
        if parameters.get(option) is not None:
            raise InputError(f'method "{label}": {option} cannot be used: {reason}')
    needed = needed_implementations(parameters)
    if preset.implementation != "peft":
        needed = {preset.implementation: preset.name, **needed}
    if len(needed) > 1:
        raise InputError(f'method "{label}": {" and ".join(needed.values())} cannot be combined')
    return next(iter(needed), "peft")


def _check_machine(spec: MethodSpec) -> None:
    reason = accelerator_reason(spec.peft_type, spec.parameters)
    if reason is not None:
        import torch

        if not torch.cuda.is_available():
            raise Unavailable(f'method "{spec.label}": it cannot run on a CPU: {reason}')
    for package in extra_packages(spec.peft_type, spec.parameters, spec.implementation):
        if importlib.util.find_spec(package.module) is None:
            raise Unavailable(
                f'method "{spec.label}": it needs {package.name}; install it with: pip install {package.name}'
            )


def _find(name: str) -> Preset:
    key = name.lower().replace("_", "-")
    if key in PRESETS:
        return PRESETS[key]
    if key.startswith(LIBRARY_PREFIX):
        return _with_library_defaults(name)
    types = {peft_type.lower().replace("_", "-"): peft_type for peft_type in peft_types()}
    if key in types:
        return _bare(types[key])
    plugins = _plugins()
    if name in plugins:
        return _plugin_card(name, plugins[name])
    if key in OTHER_NAMES:
        raise InputError(f'unknown method "{name}": {OTHER_NAMES[key]}')
    known = [*PRESETS, *plugins, *types]
    raise InputError(f'unknown method "{name}"{nearest(key, known)}; "paretune methods" lists them all')


def _with_library_defaults(name: str) -> Preset:
    """Return a type of peft's without the parameters of its preset, for configurations that are complete themselves."""
    types = {f"{LIBRARY_PREFIX}{peft_type.lower().replace('_', '-')}": peft_type for peft_type in peft_types()}
    peft_type = types.get(name.lower().replace("_", "-"))
    if peft_type is None:
        raise InputError(f'unknown method "{name}"{nearest(name, types)}; peft\'s own types stand behind "peft:"')
    presets = (preset for preset in PRESETS.values() if preset.peft_type == peft_type)
    return next(presets, _bare(peft_type)).model_copy(update={"name": name, "parameters": {}})


def _bare(peft_type: str) -> Preset:
    return Preset(
        name=peft_type.lower().replace("_", "-"),
        family="peft, no preset",
        description=f"peft's {peft_type} with its own defaults; give it a learning rate.",
        implementation="peft",
        peft_type=peft_type,
    )


def _plugins() -> dict[str, type["Method"]]:
    from paretune.plugins import load_plugins, plugin_classes

    if not load_plugins(PLUGIN_GROUP):
        return {}
    from paretune.methods.base import Method

    return plugin_classes(PLUGIN_GROUP, Method, {*PRESETS, *IMPLEMENTATIONS})  # type: ignore[type-abstract]


def _plugin_card(name: str, plugin: type["Method"]) -> Preset:
    if plugin.preset is not None:
        return plugin.preset.model_copy(update={"name": name, "implementation": name})
    first_line = (plugin.__doc__ or "").strip().partition("\n")[0]
    return Preset(name=name, family="plug-in", description=first_line or "A plug-in's method.", implementation=name)


def _class_of(spec: MethodSpec) -> type["Method"]:
    if spec.implementation in IMPLEMENTATIONS:
        module, _, name = IMPLEMENTATIONS[spec.implementation].partition(":")
        found: Any = getattr(importlib.import_module(module), name)
    else:
        found = _plugins().get(spec.implementation)
    if found is None:
        raise InputError(
            f'method "{spec.label}": implementation "{spec.implementation}" is not installed'
            f"{nearest(spec.implementation, IMPLEMENTATIONS)}"
        )
    implementation: type[Method] = found
    return implementation
