import pytest
import torch

from paretune.measure import collect_provenance
from paretune.models import check_attention, load_model
from paretune.models.hardware import default_device, device_name, slowness_note
from paretune.spec import InputError


def test_what_needs_a_gpu_is_refused_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="needs a CUDA GPU, and this machine has none"):
        check_attention("flash_attention_2")
    with pytest.raises(InputError, match="needs a CUDA GPU"):
        load_model("toy:llama", attention="flash_attention_2")


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match='pip install "flash-attn"'):
        check_attention("flash_attention_2")


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_attention_is_computed_as_asked(attention: str) -> None:
    loaded = load_model("toy:llama", attention=attention)
    assert loaded.model.config._attn_implementation == attention
    ids = loaded.tokenizer("Add 1:", return_tensors="pt")["input_ids"]
    expected = load_model("toy:llama").model(ids).logits
    assert torch.allclose(loaded.model(ids).logits, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "capability", "has_gpu", "warns"),
    [
        ("bfloat16", "AVX2", False, True),
        ("bfloat16", "AVX512", False, False),
        ("bfloat16", "AVX2", True, False),
        ("float32", "AVX2", False, False),
    ],
)
def test_a_processor_that_is_slow_in_a_number_format_is_told_of(
    dtype: str, capability: str, has_gpu: bool, warns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_gpu)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    note = slowness_note(dtype)
    assert (note is not None) == warns
    assert note is None or 'Write dtype = "float32" into the recipe' in note


@pytest.mark.parametrize("kind", ["mps", "xpu"])
def test_one_decision_names_every_accelerator(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = torch.xpu if kind == "xpu" else torch.backends.mps
    monkeypatch.setattr(module, "is_available", lambda: True)
    monkeypatch.setattr(torch.xpu, "get_device_name", lambda: "an XPU")
    assert default_device().type == kind
    assert collect_provenance(concurrent_workers=1).device == (device_name() or "")
    assert device_name() is not None
