"""Whether a base model's input and output embeddings are one matrix, from its configuration alone.

Imports no torch and asks no network.
"""

import json
from pathlib import Path

from paretune.models.bundled_configs import carried_shapes
from paretune.models.known_packages import PACKAGES
from paretune.models.reference import TIED_TOY, Reference, parse
from paretune.spec import InputError


def ties_embeddings(reference: str) -> bool | None:
    """Return whether a base model ties its embeddings, or None where no configuration at hand says so.

    Never raises: a reference that is malformed or names nothing on this machine gives None.
    """
    kind, _, rest = reference.partition(":")
    if kind == "hub" and (bundled := carried_shapes().get(rest.partition("@")[0])):
        return _says(bundled)  # also where an imported result does not say the revision
    try:
        parsed = parse(reference)
    except InputError:
        return None
    if parsed.kind == "toy":
        return parsed.name == TIED_TOY
    if parsed.kind == "shipped":  # an image model, which has no embeddings of tokens
        return False
    file = _config_file(parsed)
    return None if file is None else _says(file)


def _config_file(parsed: Reference) -> Path | None:
    if parsed.kind == "path":
        return Path(parsed.name).expanduser() / "config.json"
    if parsed.kind == "pypi":
        package = PACKAGES.get((parsed.name, parsed.version or ""))
        return carried_shapes().get(package.shape or "") if package else None
    return _in_hub_cache(parsed)


def _in_hub_cache(parsed: Reference) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(parsed.name, "config.json", revision=parsed.version)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _says(file: Path) -> bool | None:
    """Return what a configuration says. Where it says nothing, the architecture decides, which is not known here."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ties = config.get("tie_word_embeddings") if isinstance(config, dict) else None
    return ties if isinstance(ties, bool) else None
