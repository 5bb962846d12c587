"""Quantised bases: what loading gives, what a model's own configuration says, and what is refused by name."""

from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.models import check_quantised, load_model, on_device
from paretune.models.load import Head
from paretune.models.quantisation import is_quantised, loading_settings, own_quantisation
from paretune.spec import InputError
from paretune.spec.quantisation import Quantisation, QuantisedFormat
from tests.models.quantised_toy import save_as_quantised

NF4 = Quantisation("nf4")
FORMATS: tuple[QuantisedFormat, ...] = ("nf4", "fp4", "int8")
"""Those of bitsandbytes."""
TORCHAO = Quantisation("int8-torchao")

PER_ROW = {"_type": "Int8WeightOnlyConfig", "_data": {"granularity": {"_type": "PerRow", "_data": {"dim": -1}}}}
"""What torchao writes of int8 weights with a scale a row, as far as it is looked at."""


def logits(loaded: Any) -> torch.Tensor:
    ids = loaded.tokenizer("Add 1 and 2:", return_tensors="pt")["input_ids"].to(loaded.model.device)
    with torch.no_grad():
        found: torch.Tensor = loaded.model(ids).logits.cpu()
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_linear_layers_of_the_blocks_are_quantised_and_the_rest_is_not(form: QuantisedFormat) -> None:
    pytest.importorskip("bitsandbytes")
    loaded, plain = load_model("toy:llama", quantisation=Quantisation(form)), load_model("toy:llama")
    assert is_quantised(loaded.model)
    assert not is_quantised(plain.model)
    assert on_device(loaded) is loaded
    layer = loaded.model.model.layers[0].mlp.up_proj
    assert layer.weight.dtype == (torch.int8 if form == "int8" else torch.uint8)
    assert torch.equal(loaded.model.lm_head.weight.cpu(), plain.model.lm_head.weight)
    assert torch.equal(loaded.model.model.embed_tokens.weight.cpu(), plain.model.model.embed_tokens.weight)
    away = (logits(loaded) - logits(plain)).abs().max()
    assert 0 < away < 0.2 * logits(plain).abs().max()


def test_settings_of_4_bits_reach_the_layers() -> None:
    pytest.importorskip("bitsandbytes")
    for double, computed in ((True, "float32"), (False, "bfloat16")):
        model = load_model("toy:llama", quantisation=Quantisation("nf4", double, computed)).model
        layer = model.model.layers[0].self_attn.q_proj
        assert layer.weight.quant_state.nested is double
        assert layer.weight.quant_state.quant_type == "nf4"
        assert layer.compute_dtype is getattr(torch, computed)


def test_a_head_is_not_quantised(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    head = Head("AutoModelForSequenceClassification", {"num_labels": 3}, 0)
    toy = load_model("toy:llama")
    toy.model.save_pretrained(tmp_path)
    toy.tokenizer.save_pretrained(tmp_path)
    for reference in ("toy:llama", f"path:{tmp_path}"):
        model = load_model(reference, quantisation=NF4, head=head).model
        assert model.score.weight.dtype == torch.float32
        assert model.model.layers[0].mlp.up_proj.weight.dtype == torch.uint8


@pytest.mark.parametrize("form", ["nf4", "int8"])
def test_a_model_that_was_saved_quantised_loads_as_it_was(form: QuantisedFormat, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    made = load_model("toy:llama", quantisation=Quantisation(form))
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    loaded = load_model(f"path:{tmp_path}")
    assert is_quantised(loaded.model)
    assert loaded.note is not None
    assert f"hold the linear layers quantised ({form})" in loaded.note
    assert torch.equal(logits(loaded), logits(made))
    with pytest.raises(InputError, match=rf"is quantised already \({form}\); leave it out"):
        load_model(f"path:{tmp_path}", quantisation=NF4)


def test_torchao_holds_the_linear_layers_of_the_blocks_and_not_the_rest() -> None:
    pytest.importorskip("torchao")
    precision = torch.get_float32_matmul_precision()
    loaded, plain = load_model("toy:llama", quantisation=TORCHAO), load_model("toy:llama")
    assert torch.get_float32_matmul_precision() == precision
    assert is_quantised(loaded.model)
    weight = loaded.model.model.layers[0].mlp.up_proj.weight
    assert type(weight).__name__ == "Int8Tensor"
    assert weight.qdata.dtype == torch.int8
    assert torch.equal(loaded.model.lm_head.weight.cpu(), plain.model.lm_head.weight)
    away = (logits(loaded) - logits(plain)).abs().max()
    assert 0 < away < 0.05 * logits(plain).abs().max()
    head = Head("AutoModelForSequenceClassification", {"num_labels": 3}, 0)
    assert type(load_model("toy:llama", quantisation=TORCHAO, head=head).model.score.weight) is torch.nn.Parameter


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_torchao_quantised_is_known_and_loads_as_it_was(dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("torchao")
    made = load_model("toy:llama", dtype, quantisation=TORCHAO)
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    loaded = load_model(f"path:{tmp_path}", dtype)
    assert is_quantised(loaded.model)
    assert loaded.note is not None
    assert "hold the linear layers quantised (int8-torchao)" in loaded.note
    assert torch.equal(logits(loaded), logits(made))
    with pytest.raises(InputError, match=r"is quantised already \(int8-torchao\); leave it out"):
        load_model(f"path:{tmp_path}", quantisation=TORCHAO)


@pytest.mark.parametrize(
    ("changed", "is_known"),
    [
        ({}, True),
        ({"quant_type": {"default": {"_type": "Int4WeightOnlyConfig", "_data": {"group_size": 32}}}}, False),
        ({"quant_type": {"default": {**PER_ROW, "_data": {"granularity": {"_type": "PerGroup"}}}}}, False),
        ({"include_input_output_embeddings": True}, False),
        ({"quant_type": "int8_weight_only"}, False),
        ({"quant_type": None}, False),
    ],
)
def test_a_configuration_of_torchao_is_known_in_the_one_layout_that_was_tried(
    changed: dict[str, Any], is_known: bool
) -> None:
    own = own_quantisation(
        {"quantization_config": {"quant_method": "torchao", "quant_type": {"default": PER_ROW}} | changed}
    )
    assert own is not None
    assert own.method == "torchao"
    assert own.quantisation == (TORCHAO if is_known else None)


def test_compressed_tensors_are_unpacked_while_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.CompressedTensorsConfig", lambda **settings: settings)
    own = own_quantisation({"quantization_config": {"quant_method": "compressed-tensors"}})
    assert loading_settings(None, own) == {"quantization_config": {"dequantize": True}}
    assert loading_settings(None, own_quantisation({"quantization_config": {"quant_method": "hqq"}})).keys() == {
        "device_map"
    }


def test_torchao_is_named_where_it_is_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r'"int8-torchao" needs torchao; install it with: pip install "torchao>=0\.18"'
    ):
        check_quantised(TORCHAO, {}, "toy:llama")
    own = {"quantization_config": {"quant_method": "torchao"}}
    with pytest.raises(InputError, match=r'by "torchao", which needs torchao; install it with'):
        check_quantised(None, own, "path:a")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("paretune.models.quantisation.version", lambda name: "0.17.0")
    with pytest.raises(InputError, match=r"needs torchao 0\.18 or later, and 0\.17\.0 is installed"):
        check_quantised(TORCHAO, {}, "toy:llama")


def test_an_int8_layer_keeps_its_scales_when_its_weight_is_asked_for_after_a_pass() -> None:
    pytest.importorskip("bitsandbytes")
    loaded = load_model("toy:llama", quantisation=Quantisation("int8"))
    before = logits(loaded)
    for layer in (module for module in loaded.model.modules() if hasattr(module, "state")):
        layer.weight = layer.weight.to(layer.weight.device)  # as peft does for DoRA
    assert torch.equal(logits(loaded), before)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, None),
        ({"load_in_8bit": True}, Quantisation("int8")),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Quantisation("fp4", False, "float32")),
        (
            {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
             "bnb_4bit_compute_dtype": "bfloat16"},
            Quantisation("nf4", True, "bfloat16"),
        ),
    ],
)  # fmt: skip
def test_a_configuration_of_bitsandbytes_is_read(config: Any, expected: Quantisation | None) -> None:
    own = own_quantisation({} if config is None else {"quantization_config": config})
    assert (own and own.quantisation) == expected


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("gptq", 'needs gptqmodel>=7.0; install it with: pip install "gptqmodel>=7.0"'),
        ("awq", 'needs gptqmodel>=7.0; install it with: pip install "gptqmodel>=7.0"'),
        (
            "compressed-tensors",
            'needs compressed-tensors>=0.15; install it with: pip install "compressed-tensors>=0.15"',
        ),
        ("made-up", '"made-up", which is not known here'),
    ],
)
def test_weights_whose_kernel_is_not_there_are_refused_before_they_are_read(
    method: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.models.quantisation._is_there", lambda module: False)
    base_model = save_as_quantised(tmp_path, {"quant_method": method})
    with pytest.raises(InputError) as refusal:
        load_model(base_model)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_of_several_packages_the_one_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.models.quantisation._is_there", lambda module: module == "gptqmodel")
    with pytest.raises(InputError, match=r'needs optimum>=2\.0; install it with: pip install "optimum>=2\.0"'):
        check_quantised(None, {"quantization_config": {"quant_method": "gptq"}}, "path:a")
    check_quantised(None, {"quantization_config": {"quant_method": "awq"}}, "path:a")


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_kernels_that_train_are_asked_for_where_layers_are_packed(method: str) -> None:
    own = own_quantisation({"quantization_config": {"quant_method": method, "bits": 4}})
    config = loading_settings(None, own)["quantization_config"]
    assert config.quant_method == method
    assert config.get_loading_attributes()["backend"] == "auto_trainable"


@pytest.mark.parametrize("form", FORMATS)
def test_no_gpu_is_needed_but_a_recent_package(form: QuantisedFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    module, wanted = "paretune.models.quantisation", Quantisation(form)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(f"{module}.default_device", lambda: torch.device("cpu"))
    monkeypatch.setattr(f"{module}.version", lambda name: "0.50.2")
    check_quantised(wanted, {}, "toy:llama")
    monkeypatch.setattr(f"{module}.version", lambda name: "0.49.1")
    with pytest.raises(InputError, match=r"needs bitsandbytes 0\.50 or later, and 0\.49\.1 is installed"):
        check_quantised(wanted, {}, "toy:llama")
    monkeypatch.setattr(f"{module}.default_device", lambda: torch.device("cuda"))
    check_quantised(wanted, {}, "toy:llama")
    monkeypatch.setattr(f"{module}.default_device", lambda: torch.device("mps"))
    with pytest.raises(InputError, match="does not support Apple GPUs"):
        check_quantised(wanted, {}, "toy:llama")


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "bitsandbytes>=0\.50"'):
        check_quantised(NF4, {}, "toy:llama")


@pytest.mark.parametrize("form", FORMATS)
def test_a_pass_without_gradients_leaves_the_weights_and_the_gradients_of_later_passes(form: QuantisedFormat) -> None:
    pytest.importorskip("bitsandbytes")
    loaded = load_model("toy:llama", quantisation=Quantisation(form))
    model, layer = loaded.model, loaded.model.model.layers[0].self_attn.q_proj
    packed = layer.weight.data.clone()

    def gradient() -> torch.Tensor:
        embeddings = model.model.embed_tokens(torch.tensor([[5, 6, 7, 8]])).detach().requires_grad_()
        model.train()(inputs_embeds=embeddings).logits.sum().backward()
        assert embeddings.grad is not None
        found: torch.Tensor = embeddings.grad
        return found

    before = gradient()
    model.eval()
    logits(loaded)
    assert torch.equal(layer.weight.data, packed)
    assert torch.equal(gradient(), before)


@pytest.mark.parametrize("form", ["nf4", "fp4"])
def test_answers_from_4_bits_are_computed_with_the_weights_that_they_stand_for(form: QuantisedFormat) -> None:
    functional = pytest.importorskip("bitsandbytes.functional")
    layer = load_model("toy:llama", quantisation=Quantisation(form)).model.model.layers[0].mlp.up_proj.eval()
    inputs = torch.randn(3, layer.in_features, device=layer.weight.device)
    weight = functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
    with torch.no_grad():
        torch.testing.assert_close(layer(inputs), inputs @ weight.T, rtol=1e-4, atol=1e-5)
