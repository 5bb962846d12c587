"""A model's own configuration says how its linear layers are held; an estimate follows it or refuses it by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.memory_counted import compare_method, settings_for
from paretune.estimate import estimate_memory
from paretune.methods import resolve
from paretune.models import find_shape
from paretune.spec import InputError, MethodEntry
from paretune.spec.memory import MemoryEstimate, MemoryKind
from paretune.spec.quantisation import QuantisedFormat

pytestmark = pytest.mark.filterwarnings("ignore")

TOLERANCE = 0.01
BITSANDBYTES = {"quant_method": "bitsandbytes", "load_in_8bit": False, "load_in_4bit": False}


def estimate(path: Path, own: Any, **settings: Any) -> MemoryEstimate:
    """Return the estimate of LoRA on a toy's shape with a `quantization_config`."""
    config = {**find_shape("toy:llama").config, "quantization_config": own}
    path = path / "config.json"
    path.write_text(json.dumps(config if own is not None else find_shape("toy:llama").config))
    (found,) = estimate_memory(str(path), "lora", sequence_length=32, device="cpu", new_tokens=2, **settings)
    assert isinstance(found, MemoryEstimate)
    return found


def base_bytes(found: MemoryEstimate) -> int:
    return found.train.by_kind[MemoryKind.BASE_WEIGHTS]


def linear_weights() -> list[tuple[int, int]]:
    """Return rows and columns of all linear layers of the toy's blocks."""
    config = find_shape("toy:llama").config
    width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
    narrow = width // heads * config["num_key_value_heads"]
    attention = [(width, width), (narrow, width), (narrow, width), (width, width)]
    feed_forward = [(inner, width), (inner, width), (width, inner)]
    return [*attention, *feed_forward] * int(config["num_hidden_layers"])


@pytest.mark.parametrize("double", [False, True])
def test_a_4_bit_configuration_is_followed_byte_for_byte(tmp_path: Path, double: bool) -> None:
    plain = estimate(tmp_path, None)
    found = estimate(tmp_path, {**BITSANDBYTES, "load_in_4bit": True, "bnb_4bit_use_double_quant": double})
    saved = 0
    for rows, columns in linear_weights():
        count, blocks = rows * columns, -(-rows * columns // 64)
        scales = blocks + 4 * -(-blocks // 256) + 4 * 256 if double else 4 * blocks
        saved += 2 * count - (count // 2 + scales + 4 * 16)
    assert base_bytes(plain) - base_bytes(found) == saved
    assert any("fp4" in text and "own configuration" in text for text in found.assumptions)
    asked_for = estimate(tmp_path, None, quantisation="nf4")  # as a study loads it: with double quantisation
    assert (base_bytes(asked_for) == base_bytes(found)) == double


def test_an_8_bit_configuration_is_followed_without_a_method_being_named(tmp_path: Path) -> None:
    found = estimate(tmp_path, {"load_in_8bit": True})
    assert base_bytes(found) == base_bytes(estimate(tmp_path, None, quantisation="int8"))
    assert base_bytes(estimate(tmp_path, {"load_in_8bit": True}, quantisation="int8")) == base_bytes(found)


def test_layers_that_the_configuration_leaves_stay_as_they_are(tmp_path: Path) -> None:
    in_4_bits = {**BITSANDBYTES, "load_in_4bit": True}
    all_blocks = estimate(tmp_path, {**in_4_bits, "llm_int8_skip_modules": ["lm_head"]})
    some = estimate(tmp_path, {**in_4_bits, "llm_int8_skip_modules": ["lm_head", "model.layers.0", "q_proj"]})
    assert base_bytes(all_blocks) == base_bytes(estimate(tmp_path, in_4_bits))
    assert base_bytes(all_blocks) < base_bytes(some) < base_bytes(estimate(tmp_path, None))


@pytest.mark.parametrize(
    ("quantisation", "words"),
    [
        ({"quant_method": "gptq", "bits": 4}, '"gptq", whose layout is not estimated'),
        ({"quant_method": "awq", "bits": 4}, '"awq", whose layout is not estimated'),
        ({"quant_method": "fp8"}, '"fp8", whose layout is not estimated'),
        ({"bits": 4}, '"no quant_method", whose layout'),
        ("4bit", '"no quant_method", whose layout'),
        (BITSANDBYTES, '"bitsandbytes", whose layout'),
    ],
)
def test_other_layouts_are_refused_by_name(tmp_path: Path, quantisation: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as refusal:
        estimate(tmp_path, quantisation)
    assert "config.json" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_compressed_tensors_are_predicted_as_the_plain_weights_that_they_become(tmp_path: Path) -> None:
    own = {"quant_method": "compressed-tensors"}
    assert base_bytes(estimate(tmp_path, own)) == base_bytes(estimate(tmp_path, None))
    with pytest.raises(InputError, match='"compressed-tensors", whose layout is not estimated'):
        estimate(tmp_path, own, quantisation="nf4")


def test_what_is_asked_for_may_not_contradict_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'quantisation "int8": .*config\.json holds the model .* in fp4 already'):
        estimate(tmp_path, {"load_in_4bit": True}, quantisation="int8")


def test_a_configuration_of_torchao_is_followed_byte_for_byte(tmp_path: Path) -> None:
    granularity = {"_type": "PerRow", "_data": {"dim": -1}}
    kind = {"_type": "Int8WeightOnlyConfig", "_data": {"granularity": granularity}}
    own = {"quant_method": "torchao", "quant_type": {"default": kind}}
    found = estimate(tmp_path, own)
    saved = sum(2 * rows * columns - (rows * columns + 5 * rows) for rows, columns in linear_weights())
    assert base_bytes(estimate(tmp_path, None)) - base_bytes(found) == saved
    assert base_bytes(estimate(tmp_path, None, quantisation="int8-torchao")) == base_bytes(found)
    assert any("int8-torchao by the layouts of torchao, as the model's own" in text for text in found.assumptions)
    in_groups = {"_type": "Int8WeightOnlyConfig", "_data": {"granularity": {"_type": "PerGroup"}}}
    with pytest.raises(InputError, match='"torchao", whose layout is not estimated'):
        estimate(tmp_path, own | {"quant_type": {"default": in_groups}})


METHODS = (
    "lora", "dora", "oft", "boft", "ia3", "miss", "vera", "road", "adalora", "ln-tuning", "prefix-tuning",
)  # fmt: skip


@pytest.mark.parametrize("form", ["nf4", "int8"])
@pytest.mark.parametrize("name", METHODS)
def test_predicted_is_counted_on_a_quantised_base(name: str, form: QuantisedFormat) -> None:
    pytest.importorskip("bitsandbytes")
    settings = settings_for(48, form)
    found = compare_method(find_shape("toy:llama"), resolve(MethodEntry(name=name)), settings, runs=1)
    assert abs(found.error) <= TOLERANCE
    plain = compare_method(find_shape("toy:llama"), resolve(MethodEntry(name=name)), settings_for(48), runs=1)
    assert found.predicted_bytes != plain.predicted_bytes


@pytest.mark.parametrize("name", ["lora", "dora", "ia3", "oft"])
def test_predicted_is_counted_on_a_base_of_torchao(name: str) -> None:
    pytest.importorskip("torchao")
    settings, spec = settings_for(48, "int8-torchao"), resolve(MethodEntry(name=name))
    assert abs(compare_method(find_shape("toy:llama"), spec, settings, runs=1).error) <= TOLERANCE
