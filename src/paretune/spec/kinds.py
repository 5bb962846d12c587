"""The names of the kinds of base model: a task names the one that it is put to, an audit those that it was made on."""

from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints

CAUSAL_LM = "causal-lm"
"""A language model that writes text."""
CLASSIFIER = "classifier"
"""An encoder or decoder with a classification head."""
DIFFUSION = "diffusion"
"""The transformer of an image model."""
IMAGE_TEXT = "image-text"
"""A language model that reads pictures as well as text, and writes text."""
_EARLIER = {"encoder": CLASSIFIER}


def _name_today(value: Any) -> Any:
    return _EARLIER.get(value, value) if isinstance(value, str) else value


ModelKind = Annotated[str, BeforeValidator(_name_today), StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]
"""The name of a kind. Plug-ins add kinds, so any name is read, also without the plug-in; earlier names as today's."""
