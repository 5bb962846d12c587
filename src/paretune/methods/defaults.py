"""The values that peft's configurations have where nothing is set."""

import dataclasses
from functools import cache
from typing import Any


@cache
def library_defaults(peft_type: str) -> dict[str, Any]:
    """Return the default of each parameter of a peft type's config, tables in place of nested configs.

    Empty where the installed peft does not have the type.
    """
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    configs = {str(getattr(kind, "value", kind)): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    config = configs.get(peft_type)
    return {field.name: _default(field) for field in dataclasses.fields(config)} if config is not None else {}


def default_switches() -> dict[str, dict[str, bool | str]]:
    """Return for each type of the installed peft the words and switches that are set by default."""
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    kinds = sorted(str(getattr(kind, "value", kind)) for kind in PEFT_TYPE_TO_CONFIG_MAPPING)
    return {
        kind: {
            name: str(getattr(value, "value", value)) if isinstance(value, str) else value
            for name, value in library_defaults(kind).items()
            if value and isinstance(value, bool | str)
        }
        for kind in kinds
    }


def _default(field: "dataclasses.Field[Any]") -> Any:
    made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
    return dataclasses.asdict(made) if dataclasses.is_dataclass(made) and not isinstance(made, type) else made
