"""The parts of an image-text model: its language tower, its vision tower, and the projector between them.

The towers are those that transformers itself names. What stands between them differs: most classes have a module of
their own, Qwen-VL ends its vision tower with a merger of patches, which does a projector's work. So the projector is
what lies in neither tower and in no head, or else what comes after the blocks of the vision tower.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from torch import nn

from paretune.spec import InputError, MethodSpec, nearest

TARGETS = "targets"
"""The parameter of methods that says which parts they train: names of parts with "+" between them."""
Part = Literal["language", "vision", "projector"]
PARTS: tuple[Part, ...] = ("language", "vision", "projector")


class Parts(NamedTuple):
    """Dotted names of the modules that each part consists of, all that lies below them included."""

    language: tuple[str, ...]
    vision: tuple[str, ...]
    projector: tuple[str, ...]

    def holds(self, wanted: Iterable[Part], name: str) -> bool:
        """Tell whether a module or parameter lies in one of the parts that are wanted."""
        if _is_below(name, self.projector):  # of some classes it is the end of the vision tower
            return "projector" in wanted
        return any(_is_below(name, getattr(self, part)) for part in wanted)


def wanted_parts(spec: MethodSpec) -> tuple[Part, ...] | None:
    """Return which parts a method is to train, None where it does not say. Raises `InputError` for no such parts."""
    given = spec.parameters.get(TARGETS)
    if given is None:
        return None
    names = given.split("+") if isinstance(given, str) else []
    strange = [name for name in names if name not in PARTS]
    if not names or strange or len(set(names)) < len(names):
        hint = nearest(strange[0], PARTS) if strange else ""
        raise InputError(
            f'method "{spec.label}": {TARGETS} = {given!r}{hint}; it is one of {", ".join(PARTS)}, or several of them '
            'with "+" between, each once'
        )
    return tuple(part for part in PARTS if part in names)


def layers_in_parts(
    spec: MethodSpec, model: nn.Module, found: Mapping[str, Any], names: Sequence[str]
) -> dict[str, list[str]]:
    """Return the layers that a method adapts in the parts that it is to train, by parameters of peft's config.

    `names` are parameters that list layers. Their values are those of `found`, which follow from the model, or else
    those that the study gives. Without `targets` that is the language tower, unless the study lists layers itself.
    Of a projector all linear layers are taken, as it has no blocks. Raises `InputError` where nothing is left.
    """
    wanted, parts = wanted_parts(spec), parts_of(model)
    layers: dict[str, list[str]] = {}
    for name in names:
        listed = found.get(name, spec.parameters.get(name))
        if listed is None or (name not in found and wanted is None):
            continue
        of = wanted or ("language",)
        chosen = {module for module, _ in model.named_modules() if parts.holds(of, module) and _matches(listed, module)}
        if name in found:
            chosen |= {
                module
                for module, layer in model.named_modules()
                if isinstance(layer, nn.Linear) and "projector" in of and parts.holds(("projector",), module)
            }
        for part in of:
            if not any(parts.holds((part,), module) for module in chosen):
                raise InputError(f'method "{spec.label}": {name}: no layer in the {part} part of this model to adapt')
        layers[name] = [module for module, _ in model.named_modules() if module in chosen]
    return layers


def _matches(listed: Any, module: str) -> bool:
    """Tell whether a module is among those that peft would take: by a regular expression, or by how it ends."""
    if isinstance(listed, str):
        return re.fullmatch(listed, module) is not None
    return any(module == one or module.endswith(f".{one}") for one in listed)


def parts_of(model: nn.Module) -> Parts:
    """Return the parts of an image-text model. The head that gives logits belongs to the language tower.

    Raises `ValueError` for a model in which transformers finds no vision tower.
    """
    whole: Any = model
    vision, language = whole.get_encoder(modality="image"), whole.get_decoder()
    names = {id(module): name for name, module in model.named_modules()}
    if vision is model or language is model or id(vision) not in names or id(language) not in names:
        raise ValueError(f"transformers tells no vision tower and language tower of {type(model).__name__} apart")
    towers = [names[id(language)], names[id(vision)]]
    head = whole.get_output_embeddings()
    heads = [] if head is None else [names[id(head)]]
    between = tuple(_outside(model, [*towers, *heads]))
    return Parts((towers[0], *heads), (towers[1],), between or _mergers(vision, towers[1]))


def _outside(model: nn.Module, taken: Iterable[str]) -> list[str]:
    """Return the outermost modules with parameters that hold nothing of what is taken and lie below none of it."""
    found: list[str] = []
    for name, module in model.named_modules():
        if not name or _is_below(name, (*taken, *found)) or any(_is_below(one, (name,)) for one in taken):
            continue
        if any(True for _ in module.parameters()):
            found.append(name)
    return found


def _mergers(vision: nn.Module, prefix: str) -> tuple[str, ...]:
    """Return the children of a vision tower that come after its repeated blocks."""
    children = list(vision.named_children())
    blocks = next((place for place, (_, child) in enumerate(children) if isinstance(child, nn.ModuleList)), None)
    after = [] if blocks is None else children[blocks + 1 :]
    return tuple(f"{prefix}.{name}" for name, child in after if any(True for _ in child.parameters()))


def _is_below(name: str, prefixes: Iterable[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)
