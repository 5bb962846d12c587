"""The benchmark of quantised bases for a GPU runs on a CPU at toy size, and says in one line what it cannot do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gpu.quantised import main
from benchmarks.gpu.quantised_base import load_base
from benchmarks.gpu.quantised_rows import Row, table
from paretune.spec.quantisation import FOUR_BITS

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="measures on the CPU"),
]

TOY = ("--model", "toy:llama", "--device", "cpu", "--tokens", "16", "--batch-size", "2", "--steps", "4")
FOREVER = ("--seconds", "1e9")


def run(out: Path, *words: str) -> list[dict[str, Any]]:
    """Run the script on the toy and return the rows of its file."""
    assert main([*TOY, *FOREVER, "--predict-here", "--out", str(out), *words]) == 0
    rows: list[dict[str, Any]] = json.loads(out.read_text())["rows"]
    return rows


def test_every_format_is_measured_and_predicted_at_toy_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("bitsandbytes")
    rows = run(tmp_path / "found.json", "--methods", "lora")
    assert [(row["format"], row["method"]) for row in rows] == [
        ("bfloat16", "lora"),
        ("nf4", "lora"),
        ("int8", "lora"),
    ]
    for row in rows:
        assert row["step_seconds"] > 0
        assert row["predicted_bytes"] == pytest.approx(row["allocated_bytes"], rel=0.01)
    allocated = {row["format"]: row["allocated_bytes"] for row in rows}
    assert allocated["nf4"] < allocated["bfloat16"]
    printed = capsys.readouterr().out
    assert len(re.findall(r"^\| toy:llama \| lora \|", printed, re.MULTILINE)) == len(rows)
    assert "not measured" not in printed


def test_what_the_time_did_not_allow_is_said_and_filled_in_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    out, few = tmp_path / "found.json", ("--methods", "ia3", "--formats", "bfloat16")
    (row,) = run(out, *few, "--seconds", "-1")
    assert row["step_seconds"] is None
    assert row["predicted_bytes"] is None
    printed = capsys.readouterr().out
    assert "toy:llama bfloat16 ia3: not measured: the time was up" in printed
    assert "toy:llama bfloat16 ia3: not predicted: the time was up" in printed
    (predicted,) = run(out, *few, "--predict-only")
    assert predicted["step_seconds"] is None
    assert predicted["predicted_bytes"] > 0
    (whole,) = run(out, *few)
    assert whole["step_seconds"] > 0
    assert whole["predicted_bytes"] == predicted["predicted_bytes"]
    assert (whole["not_measured"], whole["not_predicted"]) == ("", "")


@pytest.mark.parametrize(
    ("model", "form"), [("toy:llama", "bfloat16"), ("toy:tied-llama", "nf4"), ("toy:llama", "int8")]
)
def test_a_copy_shares_every_weight_of_its_base(model: str, form: str) -> None:
    pytest.importorskip("bitsandbytes")
    base = load_base(model, form, "cpu")
    copied = base.copy()
    own, others = dict(base.model.named_parameters()), dict(copied.named_parameters())
    assert own.keys() == others.keys()
    assert {name: p.data_ptr() for name, p in own.items()} == {name: p.data_ptr() for name, p in others.items()}
    layer, copied_layer = (one.model.layers[0].mlp.up_proj for one in (base.model, copied))
    assert layer is not copied_layer
    if form in FOUR_BITS:
        assert copied_layer.weight.quant_state is layer.weight.quant_state
    ids = torch.arange(8)[None]
    first = copied(ids).logits
    assert torch.isfinite(first).all()
    assert torch.equal(base.copy()(ids).logits, first)  # the pass of one copy changes nothing for the next


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "there is no CUDA GPU here; --predict-only predicts without one"),
        (("--formats", "int4"), "--formats: int4 is not known; there are bfloat16, nf4, int8"),
        (("--methods", "loha"), 'method "loha": does not go with a base model in nf4'),
        (("--steps", "3"), "--steps 3: the first 3 are not timed"),
        (("--tokens", "1"), "--tokens must be 2 or more"),
        (("--model", "google-bert/bert-base-uncased"), "is not a language model"),
        (("--device", "cpu", "--gpu", "h100"), "--gpu and --device cpu exclude each other"),
        (("--gpu", "abacus"), "abacus"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main([*words, "--out", str(tmp_path / "found.json")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("quantised: ")
    assert said in line


def test_without_bitsandbytes_one_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.models.hardware.importlib.util.find_spec", lambda _: None)
    assert main([*TOY, "--out", str(tmp_path / "found.json")]) == 2
    assert 'needs bitsandbytes; install it with: pip install "bitsandbytes>=0.50"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "not a file of this script"),
        ('{"settings": {"device": "cuda"}, "rows": []}', "made with device = cuda, not cpu; name another file"),
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    out = tmp_path / "found.json"
    out.write_text(content)
    assert main([*TOY, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert out.read_text() == content


def test_ratios_are_to_bfloat16_and_to_what_was_measured() -> None:
    plain = Row("m", "bfloat16", "lora", step_seconds=0.1, allocated_bytes=10**9, predicted_bytes=2 * 10**9)
    packed = Row("m", "nf4", "lora", step_seconds=0.25, allocated_bytes=10**9, not_predicted="too new")
    lines = table([plain, packed]).splitlines()
    assert lines[2] == "| m | lora | bfloat16 | 100.0 | 1.00 | 1 | 2 | 2.0000 | - | - | - | - |"
    assert lines[3] == "| m | lora | nf4 | 250.0 | 2.50 | 1 | - | - | - | - | - | - |"
    assert lines[5] == "m nf4 lora: not predicted: too new"
