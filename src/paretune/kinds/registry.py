"""From a name, a task or a configuration to a kind of base model."""

from functools import cache
from typing import Any

from paretune.kinds.base import Kind
from paretune.kinds.causal_lm import CausalLm
from paretune.kinds.classifier import Classifier
from paretune.kinds.diffusion import Diffusion
from paretune.kinds.image_text import ImageText
from paretune.models import ModelShape
from paretune.plugins import leave_out, plugin_classes
from paretune.spec import InputError, nearest
from paretune.tasks import AnyTask

PLUGIN_GROUP = "paretune.kinds"
"""Entry points of this group name subclasses of `Kind`. The entry point's name is the kind's."""

_OWN: tuple[type[Kind[Any]], ...] = (CausalLm, Classifier, Diffusion, ImageText)


def kinds() -> list[Kind[Any]]:
    """Return every kind there is, plug-ins last."""
    return list(_all().values())


def kind_named(name: str) -> Kind[Any]:
    """Return a kind by its name. Raises `InputError` with the nearest name for one that does not exist."""
    known = _all()
    if name not in known:
        raise InputError(f'unknown kind of model "{name}"{nearest(name, known)}; there is {", ".join(known)}')
    return known[name]


def kind_of(task: AnyTask) -> Kind[Any]:
    """Return the kind that a task is put to. Raises `InputError` for a task that names none, or is not of its form."""
    name, where = getattr(task, "kind", None), f'task "{task.card.name}"'
    if name is None:
        raise InputError(f"{where}: its class names no kind of model; set kind to one of {', '.join(_all())}")
    kind = kind_named(name)
    if not isinstance(task, kind.tasks):
        wanted = f"{kind.tasks.__module__}.{kind.tasks.__name__}"
        raise InputError(f'{where}: tasks of the kind "{name}" are subclasses of {wanted}; see docs/extend/kind.md')
    return kind


def kind_on(task: AnyTask, base_model: str) -> Kind[Any]:
    """Return the kind that a task is put to. Raises `InputError` as `kind_of` does, and for a base model of another."""
    kind = kind_of(task)
    if not kind.fits(base_model):
        raise InputError(f'task "{task.card.name}": needs {kind.words}; base_model is "{base_model}"')
    return kind


def kind_of_shape(shape: ModelShape) -> Kind[Any]:
    """Return the kind that a model's configuration is of. Raises `InputError` for one that no kind recognises."""
    found = next((kind for kind in kinds() if kind.recognises(shape.config)), None)
    if found is None:
        raise InputError(
            f'{shape.source}: a model of the kind "{shape.architecture}" cannot be estimated; language models, '
            "encoders, image-text models and diffusion transformers can"
        )
    return found


@cache
def _all() -> dict[str, Kind[Any]]:
    own: dict[str, Kind[Any]] = {kind.traits.name: kind() for kind in _OWN}
    found = dict(own)
    for name, kind in plugin_classes(PLUGIN_GROUP, Kind, own).items():  # type: ignore[type-abstract]
        if kind.traits.name == name:
            found[name] = kind()
        else:
            leave_out(name, f'its kind is called "{kind.traits.name}"; give both one name')
    return found
