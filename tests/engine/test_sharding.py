"""Training over two processes, each with a slice of every parameter, computes what one process does."""

import gc
import json
import os
import time
import warnings
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file

from paretune.engine import longest_batches
from paretune.estimate import EstimateSettings
from paretune.estimate.planned import training_memory
from paretune.estimate.workload import workload_for
from paretune.execute.ranks import Ranks
from paretune.kinds import Lengths
from paretune.methods import method_cards, resolve
from paretune.methods.sharded import BY_IMPLEMENTATION, BY_OPTION, BY_TYPE, UNTESTED, why_not_sharded
from paretune.models import find_shape
from paretune.models.toy import toy_tokenizer
from paretune.spec import MethodEntry, MethodSpec
from paretune.spec.quantisation import QuantisedFormat
from tests.engine.on_two_ranks import RECIPE, UNEVEN, Case, trained

ROOT = Path(__file__).parents[2]
SCRIPT = "tests.engine.on_two_ranks"

CARDS = {
    card.name: card
    for card in method_cards()
    if card.family != "plug-in"
    and card.implementation not in {"base", "tfidf", "head"}  # train nothing of a language model
    and card.accelerator_reason is None
}
TWO_LAYERS = ["v_proj", "down_proj"]
"""In place of all linear layers, for speed."""
EMBEDDINGS_TOO = {"name": "lora", "parameters": {"target_modules": ["q_proj", "embed_tokens"]}}
ACCUMULATED = {"gradient_accumulation": 2}
VALIDATED = {
    "lora": Case({"name": "lora"}, ACCUMULATED, validated=True),
    "embeddings": Case(EMBEDDINGS_TOO, ACCUMULATED, validated=True),
    "full": Case({"name": "full"}, ACCUMULATED, validated=True),
    "offload": Case(EMBEDDINGS_TOO, ACCUMULATED, validated=True, offloaded=True),
    "checkpointing": Case({"name": "lora"}, {"gradient_checkpointing": True}, validated=True),
}
QUANTISED = {
    name: Case({"name": name}, {"quantisation": form}, validated=True)
    for name, form in {"dora": "nf4", "oft": "nf4", "ia3": "fp4", "prefix-tuning": "nf4", "shira": "nf4"}.items()
}
COUNTED_IN_4_BITS = Case({"name": "lora"}, {"quantisation": "nf4"}, counted=True)
STAMPED = Case(EMBEDDINGS_TOO, stamped=True)
COUNTED = ("lora", "oft", "ia3", "full")
"""Methods whose bytes are counted, with the parameters of their presets."""
MOST_DIFFERENCE = 1e-3
"""AdamW makes a tenth of a step out of rounding where a gradient is nearly zero. Three steps of 1e-2 are taken."""


class Both(NamedTuple):
    """What one process and two found, and the folders of what they saved."""

    alone: dict[str, Any]
    together: dict[str, Any]
    saved: tuple[Path, Path]


def entry_of(name: str) -> dict[str, Any]:
    few = CARDS[name].parameters.get("target_modules") == "all-linear"
    return {"name": name, "parameters": {"target_modules": TWO_LAYERS} if few else {}}


CASES = [
    *(Case(entry_of(name)) for name in CARDS),
    *VALIDATED.values(),
    STAMPED,
    *(Case({"name": name}, counted=True) for name in COUNTED),
    *QUANTISED.values(),
    COUNTED_IN_4_BITS,
]
NAMES = [*CARDS, *(f"{name}, validated" for name in VALIDATED), "stamped", *(f"{name}, counted" for name in COUNTED)]
NAMES += [*(f"{name}, quantised" for name in QUANTISED), "counted in 4 bits"]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Both]:
    """Return what was found, of all methods from one start of two processes."""
    folder = tmp_path_factory.mktemp("sharding")
    one, two = folder / "one", folder / "two"
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("ACCELERATE_USE_CPU", "true")
        ranks = Ranks(["-m", SCRIPT, str(two), *(json.dumps(case._asdict()) for case in CASES)], 2)
        gc.freeze()  # what is imported need not be looked through for garbage at every method
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # as each of the two: a decomposition rounds by the number of its threads
        try:
            alone = [
                {} if case.stamped or case.counted else trained(case, one / str(number))
                for number, case in enumerate(CASES)
            ]
            together = [json.loads(line) for line in ranks.first_output]
            while len(ranks.ended()) < 2:
                time.sleep(0.05)
            assert set(ranks.ended().values()) == {0}
        finally:
            torch.set_num_threads(threads)
            gc.unfreeze()
            ranks.kill()
    folders = [(one / str(number), two / str(number)) for number in range(len(CASES))]
    values = zip(alone, together, folders, strict=True)
    return {name: Both(*value) for name, value in zip(NAMES, values, strict=True)}


def difference(both: Both) -> str | None:
    """Return how training on two processes differs from training on one, or None where it does not."""
    if "error" in both.together:
        return str(both.together["error"])
    if both.together["losses"] != pytest.approx(both.alone["losses"], rel=1e-5):
        return f"losses {both.together['losses']}, not {both.alone['losses']}"
    one, two = both.saved
    for file in one.rglob("*.safetensors"):
        expected, saved = load_file(file), load_file(two / file.relative_to(one))
        if expected.keys() != saved.keys():
            return f"saved {sorted(saved)}, not {sorted(expected)}"
        for name, tensor in expected.items():
            if not torch.allclose(saved[name], tensor, rtol=0, atol=MOST_DIFFERENCE):
                return f"{name} is another"
    return None


@pytest.mark.parametrize("name", CARDS)
def test_a_method_learns_on_two_processes_what_it_does_on_one_or_is_refused(
    name: str, found: dict[str, Both]
) -> None:  # fmt: skip
    reason = why_not_sharded(resolve(MethodEntry.model_validate(entry_of(name))))
    different = difference(found[name])
    assert (different is None) == (reason is None), (different, reason)
    losses = found[name].alone["losses"]
    assert len(losses) == RECIPE.steps
    assert losses[0] != losses[-1]
    assert any(found[name].saved[0].rglob("*.safetensors"))


def test_every_reason_is_that_of_a_method() -> None:
    specs = [resolve(MethodEntry(name=name)) for name in CARDS]
    assert {spec.peft_type for spec in specs} >= BY_TYPE.keys()
    assert {option for spec in specs for option in spec.parameters} >= BY_OPTION.keys()
    assert {spec.implementation for spec in specs} >= BY_IMPLEMENTATION.keys()


def test_methods_of_other_packages_are_refused_and_rows_that_train_nothing_are_not() -> None:
    strange = MethodSpec(name="x", label="x", implementation="of-another-package", peft_type=None, parameters={})
    assert why_not_sharded(strange) == UNTESTED
    assert why_not_sharded(resolve(MethodEntry(name="base"))) is None


@pytest.mark.parametrize("name", VALIDATED)
def test_accumulation_checkpointing_offload_and_validation_are_those_of_one_process(
    name: str, found: dict[str, Both]
) -> None:
    both = found[f"{name}, validated"]
    assert difference(both) is None
    assert len(both.together["losses"]) == RECIPE.steps + 2
    *_, trained_loss, saved_loss = both.together["losses"]
    assert saved_loss == pytest.approx(trained_loss, rel=1e-6)  # what was saved is what was trained


@pytest.mark.parametrize("name", QUANTISED)
def test_on_a_base_in_4_bits_the_same_holds_or_the_method_is_refused(name: str, found: dict[str, Both]) -> None:
    both, spec = found[f"{name}, quantised"], resolve(MethodEntry(name=name))
    assert (difference(both) is None) == (why_not_sharded(spec, quantised=True) is None), difference(both)
    assert why_not_sharded(spec) is None
    if "error" not in both.together:
        *_, trained_loss, saved_loss = both.together["losses"]
        assert saved_loss == pytest.approx(trained_loss, rel=1e-6)


def test_a_saved_adapter_holds_every_process_s_slice(found: dict[str, Both]) -> None:
    assert found["stamped"].together == {"losses": []}
    saved = load_file(found["stamped"].saved[1] / "adapter_model.safetensors")
    assert any("embed_tokens" in name for name in saved)
    for name, tensor in saved.items():
        half = -(-len(tensor) // 2)
        assert torch.equal(tensor[:half], torch.ones_like(tensor[:half])), name
        assert torch.equal(tensor[half:], torch.full_like(tensor[half:], 2)), name


@pytest.mark.parametrize("name", COUNTED)
def test_predicted_bytes_of_one_of_two_devices_are_those_that_are_counted(name: str, found: dict[str, Both]) -> None:
    assert predicted_bytes(name, None) == pytest.approx(found[f"{name}, counted"].together["peak"], rel=0.03)


def test_predicted_bytes_of_a_base_in_4_bits_are_those_that_are_counted(found: dict[str, Both]) -> None:
    assert predicted_bytes("lora", "nf4") == pytest.approx(found["counted in 4 bits"].together["peak"], rel=0.03)


def predicted_bytes(name: str, quantisation: QuantisedFormat | None) -> int:
    """Return what one of two devices needs by prediction."""
    (batch, *_) = islice(longest_batches(UNEVEN, toy_tokenizer(), RECIPE), 1)
    answers, tokens = (mask[::2].sum(dim=1).tolist() for mask in (batch.answer_mask, batch.attention_mask))
    lengths = [Lengths(whole - answer, answer) for whole, answer in zip(tokens, answers, strict=True)]
    assert min(tokens) < max(tokens) == batch.input_ids.shape[1]
    recipe = RECIPE.model_copy(update={"batch_size": 2, "quantisation": quantisation})
    settings = EstimateSettings(recipe=recipe, device="cpu", num_devices=2)
    spec = resolve(MethodEntry(name=name))
    shape = find_shape("toy:llama")
    make_workload = partial(workload_for, shape, settings, lengths)
    return training_memory(shape, spec, settings, make_workload).needed_bytes
