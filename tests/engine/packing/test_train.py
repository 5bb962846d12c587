import pytest
import torch
from torch import nn

from paretune.engine import Divergence, Training
from paretune.engine.packing import NotPackable, sharing_copy, weight_sums
from paretune.engine.packing.routing import Routed, Routing
from paretune.models import load_model
from paretune.spec import Recipe
from tests.engine.packing.conftest import Cell, Packs

RECIPE = Recipe(steps=4, batch_size=4)
CELLS = [Cell(1e-3, 0), Cell(1e-2, 0), Cell(1e-3, 1)]


def losses_of(result: Training | Divergence) -> tuple[float, ...]:
    assert isinstance(result, Training)
    return result.losses


@pytest.mark.parametrize(
    "changes",
    [
        {"gradient_accumulation": 3},
        {"gradient_checkpointing": True},
        {"optimizer": "sgd", "max_grad_norm": 1e-3, "schedule": "linear"},
        {"weight_decay": 0.1, "data_order": "as_listed"},
    ],
)
def test_every_setting_of_the_recipe_holds_for_each_trial(packs: type[Packs], changes: dict[str, object]) -> None:
    pack = packs("lora", Recipe.model_validate(RECIPE.model_dump() | changes), CELLS)
    for number, result in enumerate(pack.together()[1]):
        assert losses_of(result) == pytest.approx(pack.alone(number).train().losses, rel=1e-6)


def test_trials_differ_by_learning_rate_and_seed(packs: type[Packs]) -> None:
    slow, fast, other = map(losses_of, packs("lora", RECIPE, CELLS).together()[1])
    assert slow[0] == fast[0] != other[0]
    assert slow[-1] != fast[-1]


def test_a_trial_that_diverges_leaves_and_the_others_go_on(packs: type[Packs]) -> None:
    recipe = Recipe(steps=8, batch_size=4, optimizer="sgd", max_grad_norm=float("inf"), warmup_ratio=0)
    pack = packs("lora", recipe, [Cell(1e-2, 0), Cell(1e30, 1), Cell(1e-2, 2)])
    first, gone, last = pack.together()[1]
    with pytest.raises(Divergence) as alone:
        pack.alone(1).train()
    assert isinstance(gone, Divergence)
    assert 0 < gone.step == alone.value.step < 7
    assert losses_of(first) == pytest.approx(pack.alone(0).train().losses, rel=1e-6)
    assert losses_of(last) == pytest.approx(pack.alone(2).train().losses, rel=1e-6)


def test_all_may_diverge(packs: type[Packs]) -> None:
    recipe = Recipe(steps=8, batch_size=4, optimizer="sgd", max_grad_norm=float("inf"), warmup_ratio=0)
    results = packs("lora", recipe, [Cell(1e30, 0), Cell(1e31, 1)]).together()[1]
    assert all(isinstance(result, Divergence) for result in results)


def test_a_pack_holds_the_base_once(packs: type[Packs]) -> None:
    toys, _ = packs("lora", RECIPE, CELLS).together()
    frozen = [
        {one.untyped_storage().data_ptr() for one in toy.model.parameters() if not one.requires_grad} for toy in toys
    ]
    assert frozen[0] == frozen[1] == frozen[2]
    assert len({toy.model.get_parameter(toy.trainable[0]).data_ptr() for toy in toys}) == len(toys)


def test_frozen_weights_of_the_base_get_no_gradients(packs: type[Packs]) -> None:
    pack = packs("lora", RECIPE, CELLS, target_modules=["q_proj"])
    toys, _ = pack.together()
    trained = {id(toy.model.get_parameter(name)) for toy in toys for name in toy.trainable}
    assert pack.base is not None
    assert {id(one) for one in pack.base.parameters() if one.requires_grad} == trained
    assert all(one.grad is None for one in pack.base.parameters())


def test_a_compiled_model_is_not_packed(packs: type[Packs]) -> None:
    with pytest.raises(NotPackable, match="compiles"):
        packs("lora", Recipe(steps=4, batch_size=4, compile=True), CELLS).together()


def test_dropout_is_not_packed(packs: type[Packs]) -> None:
    with pytest.raises(NotPackable, match="draws random numbers"):
        packs("lora", RECIPE, CELLS, lora_dropout=0.1).together()


def test_an_adapted_output_layer_is_not_packed(packs: type[Packs]) -> None:
    with pytest.raises(NotPackable, match="the output layer"):
        packs("lora", RECIPE, CELLS, target_modules=["q_proj", "lm_head"]).together()


def test_a_sharing_copy_has_parameters_of_its_own_over_the_same_values() -> None:
    base: nn.Module = load_model("toy:llama").model
    copied, before = sharing_copy(base), weight_sums(base)
    mine, theirs = dict(base.named_parameters()), dict(copied.named_parameters())
    assert mine.keys() == theirs.keys()
    assert all(one is not theirs[name] and one.data_ptr() == theirs[name].data_ptr() for name, one in mine.items())
    name = next(iter(mine))
    theirs[name].data = theirs[name].data + 1  # replaced: the base keeps its own
    assert weight_sums(base) == before
    with torch.no_grad():
        list(theirs.values())[1].add_(1)
    assert weight_sums(base) != before


def test_rows_go_through_their_own_layers() -> None:
    routing = Routing()
    routing.members, routing.sizes = (2, 0), (1, 3)
    layers = [nn.Linear(2, 2, bias=False) for _ in range(3)]
    rows = torch.randn(4, 5, 2)
    found = Routed(layers, routing)(rows)
    assert torch.equal(found[:1], layers[2](rows[:1]))
    assert torch.equal(found[1:], layers[0](rows[1:]))
    with pytest.raises(NotPackable, match="one tensor"):
        Routed(layers, routing)(rows[:3])
