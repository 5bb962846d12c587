"""The parts of an image-text model: its language tower, its vision tower, and the projector between them.

The towers are those that transformers itself names. What stands between them differs: most classes have a module of
their own, Qwen-VL ends its vision tower with a merger of patches, which does a projector's work. So the projector is
what lies in neither tower and in no head, or else what comes after the blocks of the vision tower.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from torch import nn

from paretune.methods.base import KindTraits
from paretune.spec import InputError, MethodSpec, nearest

TARGETS = "targets"
"""The parameter of methods that says which parts they train: names of parts with "+" between them."""
_LISTS_OF_LAYERS = ("target_modules", "feedforward_modules")
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


def check_has_parts(spec: MethodSpec, kind: KindTraits) -> None:
    """Raise `InputError` where a method names parts and models of this kind have none."""
    if wanted_parts(spec) and not kind.has_parts:
        raise InputError(f'method "{spec.label}": {TARGETS}: only models of pictures and text have parts; leave it out')


def layers_in_parts(
    spec: MethodSpec, model: nn.Module, found: Mapping[str, Any], *, bare: bool = False
) -> dict[str, list[str]]:
    """Return the layers that a method adapts in the parts that it is to train, by parameters of peft's config.

    What the study lists or `found` holds, which follows from the model, is narrowed to the parts: without `targets` to
    the language tower, unless the study lists layers itself. Of a projector all linear layers are taken, as it has no
    blocks; one without any is a bare matrix, which methods adapt that know `bare` parameters. Raises `InputError` where
    nothing is left of a part.
    """
    wanted, parts = wanted_parts(spec), parts_of(model)
    of, layers = wanted or ("language",), dict[str, list[str]]()
    for name in _LISTS_OF_LAYERS:
        listed = found.get(name, spec.parameters.get(name))
        if listed is None or (name not in found and wanted is None):
            continue
        inside = [(module, layer) for module, layer in model.named_modules() if parts.holds(of, module)]
        layers[name] = [
            module
            for module, layer in inside
            if _matches(listed, module)
            or (name in found and isinstance(layer, nn.Linear) and parts.holds(("projector",), module))
        ]
        missing = [part for part in of if not any(parts.holds((part,), module) for module in layers[name])]
        if missing == ["projector"] and bare and name in found:
            layers["target_parameters"] = _bare_matrices(model, parts)
            missing = [] if layers["target_parameters"] else missing
        if missing:
            raise InputError(
                f'method "{spec.label}": {TARGETS}: this model has no layer in its {missing[0]} that the method '
                'adapts; choose other parts, or train that part as a whole with the method "full"'
            )
    return layers


def _bare_matrices(model: nn.Module, parts: Parts) -> list[str]:
    """Return the matrices of the projector that belong to no linear layer."""
    return [name for name, one in model.named_parameters() if one.ndim == 2 and parts.holds(("projector",), name)]


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
