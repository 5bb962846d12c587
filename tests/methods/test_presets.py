"""Presets and variants that the registry's types do not cover, and what single methods promise beyond the contract."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from paretune.methods import build, check_method, method_cards, resolve
from paretune.methods.peft import active_config
from paretune.methods.registry import peft_types
from paretune.methods.variants import VARIANTS, Variant
from paretune.models import load_model
from paretune.spec import InputError, MethodEntry, Recipe
from paretune.testing import ToyTraining, toy_logits

TYPES = {peft_type.lower().replace("_", "-") for peft_type in peft_types()}
PRESETS = [
    Variant(card.name, card.name, {}, card.description)
    for card in method_cards()
    if card.peft_type is not None and card.name not in TYPES
]
NOT_ON_A_CPU = {"loftq", "boft-butterfly"}
SHORT = Recipe(steps=3, batch_size=4)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning")


def again(run: ToyTraining, folder: Path) -> Any:
    """Save a method and return it on a fresh base model."""
    run.method.save(run.model, folder)
    return build(run.spec).load(load_model("toy:llama").model, folder)


@pytest.mark.parametrize("variant", [*PRESETS, *VARIANTS], ids=lambda variant: variant.label)
def test_a_variant_trains_and_comes_back_from_disk(variant: Variant, toy_modules: list[str], tmp_path: Path) -> None:
    spec = resolve(MethodEntry(name=variant.method, parameters=variant.parameters))
    if variant.label in NOT_ON_A_CPU:
        with pytest.raises(InputError, match=r"cannot run on a CPU: \w+"):
            check_method(spec, toy_modules)
        return
    check_method(spec, toy_modules)
    run = ToyTraining(variant.method, variant.parameters, learning_rate=1e-2, recipe=SHORT)
    run.train()
    after = dict(run.model.named_parameters())
    assert any(not torch.equal(run.before[name], after[name]) for name in run.trainable)
    assert {after[name].dtype for name in run.trainable} == {torch.float32}
    torch.testing.assert_close(toy_logits(again(run, tmp_path)), toy_logits(run.model), atol=2e-5, rtol=1e-4)


def test_the_untouched_base_is_the_base(toy: Any, tmp_path: Path) -> None:
    expected = toy_logits(toy.model)
    method = build(resolve(MethodEntry(name="base")))
    assert not method.trains
    assert torch.equal(toy_logits(method.load(load_model("toy:llama").model, tmp_path)), expected)
    assert build(resolve(MethodEntry(name="base-few-shot"))).num_shots == 4


def test_lora_fa_trains_second_matrices_only() -> None:
    names = ToyTraining("lora-fa").trainable
    assert names
    assert all("lora_B" in name for name in names)


def test_lora_plus_gives_the_second_matrices_their_own_rate() -> None:
    run = ToyTraining("lora-plus", {"loraplus_lr_ratio": 4}, learning_rate=1e-3)
    assert {group["lr"] for group in run.optimizer.param_groups if group["params"]} == {1e-3, 4e-3}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_riemannian_optimizer_scales_gradients(optimizer: str) -> None:
    recipe = SHORT.model_copy(update={"optimizer": optimizer})
    plain, scaled = (
        ToyTraining(name, learning_rate=1e-2, recipe=recipe).train() for name in ("lora", "lora-riemannian")
    )
    assert plain.losses[0] == scaled.losses[0]
    assert plain.losses[-1] != scaled.losses[-1]


def test_adalora_takes_ranks_away_and_reloads_what_is_left(tmp_path: Path) -> None:
    run = ToyTraining(
        "adalora",
        {"init_r": 6, "target_r": 2, "target_modules": ["q_proj", "v_proj"]},
        recipe=Recipe(steps=12, batch_size=4),
    )
    regulariser = run.method.loss_terms(run.model, None)
    assert regulariser is not None
    assert regulariser.item() > 0
    run.train()
    ranks = [int((value != 0).sum()) for name, value in run.model.named_parameters() if "lora_E" in name]
    assert len(ranks) == 4
    assert sum(ranks) <= 4 * 2
    torch.testing.assert_close(toy_logits(again(run, tmp_path)), toy_logits(run.model), atol=2e-5, rtol=1e-4)


def test_adamss_takes_subspaces_away() -> None:
    run = ToyTraining("adamss", {"use_asa": True, "asa_target_subspaces": 5}, recipe=Recipe(steps=12, batch_size=4))
    run.train()
    frozen = [name for name, value in run.model.named_parameters() if name in run.trainable and not value.requires_grad]
    assert frozen


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("pissa", {}), ("pissa", {"use_rslora": True}), ("olora", {}), ("corda", {}), ("lora-ga", {})],
)
def test_a_start_taken_from_the_weights_is_saved_as_plain_lora(
    name: str, parameters: dict[str, Any], tmp_path: Path
) -> None:
    run = ToyTraining(name, {"r": 4, **parameters}, learning_rate=1e-3)
    run.train()
    run.method.save(run.model, tmp_path)
    plain = build(resolve(MethodEntry(name="lora"))).load(load_model("toy:llama").model, tmp_path)
    torch.testing.assert_close(toy_logits(plain), toy_logits(run.model), atol=2e-5, rtol=1e-4)
    assert active_config(plain).r == 8


@pytest.mark.parametrize("name", ["kasa", "monteclora", "shadow"])
def test_an_extra_loss_term_is_added_and_has_a_gradient(name: str) -> None:
    run = ToyTraining(name)
    batch = next(iter(run.batches))
    assert run.context.objective is not None
    run.context.objective(run.model.train(), batch)
    term = run.method.loss_terms(run.model, batch)
    assert term is not None
    assert term.requires_grad
    assert term.item() != 0


@pytest.mark.parametrize(
    ("name", "weak", "strong"),
    [
        ("adalora", {"orth_reg_weight": 0.1}, {"orth_reg_weight": 10.0}),
        ("kasa", {"kasa_config": {"gamma": 1e-3}}, {"kasa_config": {"gamma": 10.0}}),
        ("shadow", {"auxiliary_loss_weight": 1e-3}, {"auxiliary_loss_weight": 10.0}),
    ],
)
def test_extra_terms_are_trained_on_and_not_recorded(name: str, weak: dict[str, Any], strong: dict[str, Any]) -> None:
    first, second = (ToyTraining(name, parameters, recipe=SHORT).train().losses for parameters in (weak, strong))
    assert first[0] == second[0]
    assert first[-1] != second[-1]


def test_ranks_follow_the_inputs_and_their_sum_stays(tmp_path: Path) -> None:
    run = ToyTraining("eva")
    ranks = [value.shape[0] for name, value in run.model.named_parameters() if "lora_A" in name]
    assert len(set(ranks)) > 1
    assert sum(ranks) == 14 * 8
    torch.testing.assert_close(toy_logits(again(run, tmp_path)), toy_logits(run.model), atol=2e-5, rtol=1e-4)


def test_what_switches_an_adapter_on_is_the_common_end_of_the_questions() -> None:
    run = ToyTraining("alora")
    config = active_config(run.model)
    assert run.context.tokenizer.decode(config.alora_invocation_tokens) == " ="


def test_the_most_used_tokens_of_the_questions_are_trained() -> None:
    run = ToyTraining("trainable-tokens", {"num_tokens": 4})
    config = active_config(run.model)
    assert set(" +=") < set(run.context.tokenizer.decode(config.token_indices))


def test_context_aware_prompts_are_worked_examples_and_leave_their_answers(tmp_path: Path) -> None:
    run = ToyTraining("cpt", {"num_examples": 1}, recipe=SHORT)
    run.train()
    config = active_config(run.model)
    text = run.context.tokenizer.decode(config.cpt_token_ids, skip_special_tokens=True)
    question, _, answer = text.partition("=")
    assert sum(int(part) for part in question.split("+")) == int(answer)
    (delta,) = (value for name, value in run.model.named_parameters() if "delta_embedding" in name)
    moved = delta.abs().sum(dim=1) > 0
    is_question = torch.tensor(config.cpt_tokens_type_mask) % 4 == 2
    assert torch.equal(moved, is_question)


def test_experts_are_kept_with_the_mixture_and_can_be_used_again(tmp_path: Path) -> None:
    run = ToyTraining("xlora", {"num_experts": 2, "expert_rank": 4}, recipe=SHORT)
    run.train()
    run.method.save(run.model, tmp_path / "fresh")
    folders = {name: str(tmp_path / "fresh" / "experts" / name) for name in ("0", "1")}
    assert "/tmp" not in (tmp_path / "fresh" / "adapter_config.json").read_text()
    given = ToyTraining("xlora", {"adapters": folders}, recipe=SHORT)
    assert given.trainable
    assert all("xlora_classifier" in name for name in given.trainable)
    given.train()
    expert = load_file(tmp_path / "fresh" / "experts" / "1" / "adapter_model.safetensors")
    given.method.save(given.model, tmp_path / "given")
    kept = load_file(tmp_path / "given" / "experts" / "1" / "adapter_model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in expert.items())


def test_an_expert_outside_the_checkpoint_is_refused(tmp_path: Path) -> None:
    run = ToyTraining("xlora", {"num_experts": 1}, recipe=SHORT)
    run.method.save(run.model, tmp_path)
    config = tmp_path / "adapter_config.json"
    config.write_text(config.read_text().replace("experts/0", "../elsewhere"))
    with pytest.raises(InputError, match="lies outside the folder"):
        build(run.spec).load(load_model("toy:llama").model, tmp_path)


@pytest.mark.parametrize("name", ["eva", "corda", "lora-ga"])
def test_a_start_from_data_asks_for_an_objective(name: str) -> None:
    run = ToyTraining(name)
    with pytest.raises(InputError, match="give the context an objective"):
        run.method.before_training(run.model, run.context._replace(objective=None), run.batches)


def test_a_start_text_shorter_than_the_prefix_is_refused() -> None:
    with pytest.raises(InputError, match="start_text has 2 tokens and the prefix 20"):
        ToyTraining("prefix-tuning", {"start_text": "Hi"})


def test_directions_that_no_batch_can_fill_are_refused() -> None:
    with pytest.raises(InputError, match=r"r times rho = 120 directions, but .* never sees more than \d+ vectors"):
        ToyTraining("eva", {"r": 60, "start_batches": 2})


def test_every_paper_has_a_title_of_its_own_but_for_two_that_are_not_known_for_sure() -> None:
    cards = method_cards()
    cited = [card for card in cards if card.arxiv or card.paper]
    assert {card.name for card in cited if not card.title} == {"bdlora", "monteclora"}
    by_title = {card.title: card.arxiv or card.paper for card in cited if card.title}
    assert len(by_title) == len(set(by_title.values())) == len(cited) - 2
    assert not any(card.title for card in cards if card not in cited)
