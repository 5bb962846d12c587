"""A study as the TOML file that it can be read from again, for people to edit."""

import json
import math
import tomllib
from collections.abc import Mapping
from typing import Any

from paretune.spec.errors import InputError
from paretune.spec.study import Study

_ALWAYS = ("batch_size", "max_length")
"""Recipe fields that are written even at their defaults: what a reader changes first."""
_WIDTH = 100


def study_toml(study: Study) -> str:
    """Return a study as TOML. What is at its default is left out, apart from what decides how much is trained.

    Reading it gives an equal study. Raises `InputError` where TOML cannot hold it: it has no null.
    """
    value = study.model_dump(exclude_defaults=True) | {"base_model": study.base_model, "seeds": list(study.seeds)}
    length = "steps" if study.recipe.epochs is None else "epochs"
    shown = {name: getattr(study.recipe, name) for name in (length, *_ALWAYS)}
    tables = {name: value.pop(name) for name in ("recipe", "tuning", "general_text") if name in value}
    tables["recipe"] = shown | tables.get("recipe", {})
    for name in ("tasks", "methods"):
        value[name] = [_short(entry) for entry in value.get(name, [{"name": "word_problems"}])]
    if "skills" in value:
        value["skills"] = [_short(entry) for entry in value["skills"]]
    order = ("name", "description", "base_model", "tasks", "methods", "learning_rates", "seeds", "skills")
    lines = [f"{name} = {_listed(value.pop(name))}" for name in order if name in value]
    lines += [f"{name} = {_toml(one)}" for name, one in value.items()]
    for name, table in tables.items():
        if table is not None:
            lines += ["", f"[{name}]", *(f"{_key(key)} = {_toml(one)}" for key, one in table.items())]
    text = "\n".join(lines) + "\n"
    assert Study.read(tomllib.loads(text), "study") == study, "a study is written as it is read"
    return text


def _short(entry: Mapping[str, Any]) -> Any:
    """Return the name alone where nothing else is set."""
    return entry["name"] if entry.keys() == {"name"} else entry


def _listed(value: Any) -> str:
    """Return a value as TOML, a long list with an element on each line."""
    text = _toml(value)
    if len(text) <= _WIDTH or not isinstance(value, list | tuple):
        return text
    return "[\n" + "".join(f"    {_toml(one)},\n" for one in value) + "]"


def _toml(value: Any) -> str:
    match value:
        case bool() | int():
            return json.dumps(value)
        case float():
            return repr(value) if math.isfinite(value) else "nan" if math.isnan(value) else f"{value}"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_toml(one)}" for key, one in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            raise InputError(f"a study with the value {value!r} cannot be written as TOML")


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _toml(name)
