"""What rows are filtered and grouped by on the page: family, base model, environment, kind of protocol, outcome."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from paretune.analysis import Row
from paretune.methods.card import Preset
from paretune.methods.presets import PRESETS
from paretune.report.devices import device_of
from paretune.report.format import MISSING, plain
from paretune.report.wording import outcome_name
from paretune.spec import MethodSpec


class Facet(NamedTuple):
    """One property of rows that a reader chooses a value of."""

    key: str
    label: str
    definition: str
    read: Callable[[Row], str]


def family_of(row: Row) -> str:
    """Return the family of a row's method, "other" for a method that is not known here."""
    card = card_of(row.records[0].trial.method)
    return card.family if card else "other"


def base_model_of(row: Row) -> str:
    """Return the reference of a row's base model."""
    return plain(row.records[0].trial.base_model)


def environment_of(row: Row) -> str:
    """Return the device, and where it is known its number of threads, that the first seed ran on."""
    made = row.records[0].provenance
    return MISSING if made is None else plain(device_of(made))


def protocol_of(row: Row) -> str:
    """Return how a row came about: imported, not trained, tuned with several seeds, or quick."""
    record = row.records[0]
    if record.imported is not None:
        return "imported"
    if not record.trial.method.trains:
        return "not trained"
    return "tuned, several seeds" if row.num_tried > 1 and len(row.records) > 1 else "quick"


def citation_of(row: Row) -> dict[str, str | int]:
    """Return what is known of the paper of a row's method, as fields of BibTeX; nothing where there is none."""
    card = card_of(row.records[0].trial.method)
    if card is None or not (card.arxiv or card.paper):
        return {}
    fields: dict[str, str | int] = {"key": card.name}
    if card.arxiv:
        fields |= {"eprint": card.arxiv, "archiveprefix": "arXiv", "url": f"https://arxiv.org/abs/{card.arxiv}"}
    elif card.paper:
        fields["url"] = card.paper
    if card.title:
        fields["title"] = card.title
    return fields | ({"year": card.year} if card.year else {}) | {"note": f"Introduces the method {card.name}"}


def card_of(method: MethodSpec) -> Preset | None:
    """Return the card of a method by its name, or by its peft type where the name is somebody else's.

    None for a plug-in's method: what a page shows does not depend on what is installed where it is written.
    """
    by_name = PRESETS.get(method.name.lower().replace("_", "-"))
    return by_name or _cards_by_type().get(method.peft_type or "")


@cache
def _cards_by_type() -> dict[str, Preset]:
    found: dict[str, Preset] = {}
    for card in PRESETS.values():
        if card.peft_type:
            found.setdefault(card.peft_type, card)
    return found


FACETS = (
    Facet("family", "Family", "Methods that work in the same way share a family.", family_of),
    Facet("base_model", "Base model", "What was fine-tuned.", base_model_of),
    Facet("environment", "Environment", "Device and number of threads of the first seed.", environment_of),
    Facet(
        "protocol",
        "Protocol",
        "Tuned, several seeds: learning rates were tried on validation data, and final trials have several seeds. "
        "Quick: anything less. Imported: other people's results.",
        protocol_of,
    ),
    Facet("result", "Result", "How the trials ended.", lambda row: outcome_name(row.outcome)),
)
