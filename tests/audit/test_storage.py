"""Checks on checkpoints pass what is right and fail what is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from paretune.audit.answers import bf16_noise_of
from paretune.audit.course import Attached, all_outputs, attach, train_under_watch
from paretune.audit.storage import compact, convertible_to_lora, mergeable, merges_in_bf16, reloads
from paretune.kinds.probe import Subject
from paretune.methods import build, resolve
from paretune.spec import MethodEntry, NotApplicable

Attach = Callable[..., Attached]


def trained(attach: Attach, *defects: str) -> Attached:
    run = attach(*defects)
    train_under_watch(run)
    return run


def test_reloading(attached: Attach, subject: Subject, tmp_path: Path) -> None:
    for defects, expected in (((), "pass"), (("forgets",), "fail")):
        run = trained(attached, *defects)
        run.method.save(run.model, tmp_path)
        loaded = run.method.load(subject.load("float32").model, tmp_path)
        verdict = reloads(subject, all_outputs(subject, run.model), loaded)
        assert verdict.kind == expected
        assert verdict.figure is not None
        assert (verdict.figure > 1e-3) == (expected == "fail")


def test_merging(attached: Attach, subject: Subject) -> None:
    assert mergeable(subject, trained(attached).model).kind == "pass"
    wrong = mergeable(subject, trained(attached, "merges wrongly").model)
    assert wrong.kind == "fail"
    refusing = mergeable(subject, trained(attached, "refuses to merge").model)
    assert refusing.kind == "not_applicable"
    assert refusing.reason == "it refuses: No merging here"
    assert mergeable(subject, subject.load("float32").model).kind == "not_applicable"


@pytest.mark.parametrize(("defects", "kind"), [((), "pass"), (("merges wrongly",), "fail")])
def test_merging_into_bfloat16(
    defects: tuple[str, ...], kind: str, attached: Attach, subject: Subject, tmp_path: Path
) -> None:
    run = trained(attached, *defects)
    run.method.save(run.model, tmp_path)
    loaded = run.method.load(subject.fresh("bfloat16").model, tmp_path).to(torch.bfloat16)
    verdict = merges_in_bf16(subject, loaded, bf16_noise_of(subject))
    assert verdict.kind == kind
    assert not isinstance(verdict, NotApplicable)
    assert verdict.figure is not None
    assert verdict.figure > 0
    assert "of what the adapter changes" in verdict.finding


@pytest.mark.parametrize(
    ("defect", "finding"),
    [
        (None, "of 256 bytes of tensors none could be regenerated"),
        ("stores what is frozen", "of 512 bytes of tensors 256 that training did not change"),
        ("stores twice", "of 512 bytes of tensors 256 stored twice"),
    ],
)
def test_needless_bytes(defect: str | None, finding: str, attached: Attach, tmp_path: Path) -> None:
    run = attached(*([defect] if defect else []))
    run.method.save(run.model, tmp_path / "start")
    train_under_watch(run)
    run.method.save(run.model, tmp_path / "end")
    verdict = compact(tmp_path / "start", tmp_path / "end")
    assert verdict.finding == finding
    assert verdict.kind == ("fail" if defect else "pass")
    assert verdict.figure == (0.5 if defect else 0.0)


def test_equal_bytes_of_another_shape_are_not_the_same_tensor(tmp_path: Path) -> None:
    for name, values in (("start", 0.0), ("end", 1.0)):
        (tmp_path / name).mkdir()
        tensors = {"flat": torch.full((4,), values), "square": torch.full((2, 2), values)}
        save_file(tensors, tmp_path / name / "x.safetensors")
    assert compact(tmp_path / "start", tmp_path / "end").figure == 0.0


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "expected"), [("lora", "pass"), ("vera", "fail"), ("oft", "not_applicable")])
def test_conversion_to_lora(name: str, expected: str, subject: Subject) -> None:
    run = attach(build(resolve(MethodEntry(name=name))), subject, 2e-2)
    train_under_watch(run)
    before = all_outputs(subject, run.model)
    verdict = convertible_to_lora(subject, run.base_outputs, run.model)
    assert verdict.kind == expected
    if verdict.kind != "not_applicable":
        assert verdict.figure is not None
        assert (verdict.figure > 0.05) == (expected == "fail")
    assert torch.equal(all_outputs(subject, run.model), before)
