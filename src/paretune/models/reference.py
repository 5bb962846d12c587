"""What a reference to a base model says: `hub:NAME@REVISION`, `path:FOLDER`, `pypi:PACKAGE==VERSION` and others."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from paretune.spec import InputError, nearest

Kind = Literal["hub", "path", "pypi", "toy", "shipped"]

FORMS: dict[str, str] = {
    "hub": "hub:NAME@REVISION",
    "path": "path:FOLDER",
    "pypi": "pypi:PACKAGE==VERSION",
    "toy": "toy:llama",
    "shipped": "shipped:drawings",
}

_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_REVISION = re.compile(r"[\w./-]+", re.ASCII)
_PACKAGE = re.compile(r"[\w.-]+", re.ASCII)
TIED_TOY = "tied-llama"
"""The toy whose input and output embeddings are one matrix."""
TOY_ENCODER = "bert"
"""The toy that writes nothing: an encoder, which is given a head."""
TOY_IMAGE_TEXT = "idefics3"
"""The toy that reads images and text."""
_BUILT_IN = {"toy": ("llama", TIED_TOY, TOY_ENCODER, TOY_IMAGE_TEXT), "shipped": ("drawings", "shapes")}


class Reference(NamedTuple):
    """A reference taken apart."""

    kind: Kind
    name: str
    """Name on the hub, folder, package, kind of toy or model that comes with Paretune."""
    version: str | None
    """Revision on the hub or version of the package; None for the other kinds."""
    text: str
    """The reference as it was given."""


def parse(text: str) -> Reference:
    """Return a reference taken apart. Looks neither at files nor at the network. Raises `InputError` when malformed."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in get_args(Kind):
        forms = ", ".join(FORMS.values())
        hint = nearest(kind, FORMS) if colon else ""
        if _NAME.fullmatch(text):
            hint = f" (did you mean hub:{text}@main, or path:{text}?)"
        raise InputError(f'base model "{text}": not a reference{hint}; write one of {forms}')
    if kind == "hub":
        return _hub(text, rest)
    if kind == "pypi":
        return _pypi(text, rest)
    if kind in _BUILT_IN:
        return _built_in(text, "toy" if kind == "toy" else "shipped", rest)
    if not rest:
        raise InputError(f'base model "{text}": the folder is missing; write {FORMS["path"]}')
    return Reference("path", rest, None, text)


def shipped_folder(reference: Reference) -> Path:
    """Return the folder of a model that comes with Paretune."""
    return Path(str(files("paretune.models") / "shipped" / reference.name))


def _built_in(text: str, kind: Kind, rest: str) -> Reference:
    known = _BUILT_IN[kind]
    if rest not in known:
        what = "toy" if kind == "toy" else "model that comes with Paretune"
        raise InputError(f'base model "{text}": no {what} is called "{rest}"; there is {", ".join(known)}')
    return Reference(kind, rest, None, text)


def _hub(text: str, rest: str) -> Reference:
    name, _, revision = rest.partition("@")
    if not _NAME.fullmatch(name):
        raise InputError(f'base model "{text}": "{name}" is not a name on the hub; write {FORMS["hub"]}')
    if not _REVISION.fullmatch(revision):
        raise InputError(
            f'base model "{text}": the revision is missing; write {FORMS["hub"]}, for example hub:{name}@main'
        )
    return Reference("hub", name, revision, text)


def _pypi(text: str, rest: str) -> Reference:
    name, _, version = rest.partition("==")
    if not _PACKAGE.fullmatch(name):
        raise InputError(f'base model "{text}": "{name}" is not the name of a package; write {FORMS["pypi"]}')
    if not _PACKAGE.fullmatch(version):
        raise InputError(f'base model "{text}": the version is missing; write {FORMS["pypi"]}')
    return Reference("pypi", name.lower().replace("_", "-"), version, text)
