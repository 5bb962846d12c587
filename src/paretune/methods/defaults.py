"""The values that peft's configurations have where nothing is set."""

import dataclasses
from functools import cache
from typing import Any

from pydantic_core import to_jsonable_python


@cache
def library_defaults(peft_type: str) -> dict[str, Any]:
    """Return the default of each parameter of a peft type's config, tables in place of nested configs.

    Empty where the installed peft does not have the type.
    """
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    configs = {str(getattr(kind, "value", kind)): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    config = configs.get(peft_type)
    return {field.name: _default(field) for field in dataclasses.fields(config)} if config is not None else {}


def default_switches(peft_type: str) -> dict[str, Any]:
    """Return the defaults that switch something on or choose a kind, as JSON has them: no numbers, nothing unset."""
    defaults = library_defaults(peft_type).items()
    chosen = {
        name: value for name, value in defaults if value and (value is True or not isinstance(value, int | float))
    }
    switches: dict[str, Any] = to_jsonable_python(chosen, fallback=lambda _: None)
    return switches


def _default(field: "dataclasses.Field[Any]") -> Any:
    made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return dataclasses.asdict(made) if dataclasses.is_dataclass(made) and not isinstance(made, type) else made
