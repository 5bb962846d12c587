"""Every method of the registry: trained together, trials come to what they come to alone, or the pack is refused."""

import pytest

from paretune.engine import Training
from paretune.engine.packing import NotPackable
from paretune.methods import method_cards
from paretune.spec import Recipe
from paretune.testing.toy_training import ToyTraining
from tests.engine.packing.conftest import Cell, Packs

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning")

_BASE = "it trains weights of the base model itself"
_OUTSIDE = "it trains something outside of the base model's layers"
_RANDOM = "it draws random numbers while training"
REFUSED = {
    "full": _BASE,
    "olora": "it writes into the base model's weights",
    "velora": "it keeps something from one forward pass to the next",
    "monteclora": _RANDOM,
    "loha": _RANDOM,
    "lokr": _RANDOM,
    "poly": _RANDOM,
    "pvera": _RANDOM,
    "alora": "its gradients are not those that it has alone",
    "lily": "its gradients are not those that it has alone",
    "xlora": _OUTSIDE,
    "prompt-tuning": _OUTSIDE,
    "p-tuning": _OUTSIDE,
    "prefix-tuning": _OUTSIDE,
    "cartridge": _OUTSIDE,
    "multitask-prompt-tuning": _OUTSIDE,
    "cpt": _OUTSIDE,
    "shadow": "it hooks into the base model's modules",
    "adaption-prompt": "takes something else than one tensor",
}
"""Methods whose trials are trained alone, and why."""


TRAINED = [
    card.name
    for card in method_cards()
    if card.prior_learning_rate is not None and card.accelerator_reason is None and card.name != "head"
]
"""All that train a language model: it has no head."""
FLOAT64 = {
    "full", "lora", "rslora", "dora", "eva", "lora-ga", "qalora", "alora", "bdlora", "kasa", "velora", "lily", "deft",
    "waveft", "fourierft", "delora", "lora-fa", "adamss", "unilora",
}  # fmt: skip
"""Methods that are compared in float64, where rounding hides nothing. Not all methods take it."""
CELLS = [Cell(seed=0), Cell(seed=1)]


@pytest.mark.parametrize("name", TRAINED)
def test_together_as_alone_or_refused(name: str) -> None:
    double = name in FLOAT64
    packs = Packs(name, Recipe(steps=3, batch_size=4, trainable_dtype="as_base" if double else "float32"), CELLS)
    if name in REFUSED:
        with pytest.raises(NotPackable, match=REFUSED[name]):
            packs.together()
        return
    toys, results = packs.together()
    for number, (toy, result) in enumerate(zip(toys, results, strict=True)):
        alone = packs.alone(number)
        assert isinstance(result, Training)
        assert result.losses == pytest.approx(alone.train().losses, rel=1e-9 if double else 1e-6)
        assert _distance(toy, alone) < (1e-9 if double else 1e-5)
    assert results[0] != results[1]


@pytest.mark.parametrize("name", ["lora", "dora", "adalora", "ia3", "vblora", "road", "c3a"])
def test_in_float32_the_difference_is_rounding(name: str) -> None:
    """By SGD: AdamW divides by the size of gradients, so that rounding of the smallest counts as well."""
    packs = Packs(name, Recipe(steps=6, batch_size=4, optimizer="sgd"), CELLS)
    toys, results = packs.together()
    for number, (toy, result) in enumerate(zip(toys, results, strict=True)):
        alone = packs.alone(number)
        assert isinstance(result, Training)
        assert result.losses == pytest.approx(alone.train().losses, rel=1e-6)
        assert _distance(toy, alone) < 1e-6


def _distance(toy: ToyTraining, other: ToyTraining) -> float:
    """Return the largest relative distance of two models' trained tensors."""
    mine, theirs = dict(toy.model.named_parameters()), dict(other.model.named_parameters())
    assert toy.trainable == other.trainable
    pairs = [(mine[name], theirs[name]) for name in toy.trainable]
    assert any(not one.equal(toy.before[name]) for name, (one, _) in zip(toy.trainable, pairs, strict=True))
    return max(float((one - two).norm() / two.norm().clamp(min=1e-30)) for one, two in pairs)
