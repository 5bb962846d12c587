"""Audits on image-text models: each sample is about an image of its own, and a dependence on the others is found."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from paretune.audit import audit_methods
from paretune.cli.audit import with_the_rest, write_recorded
from paretune.kinds import kind_named
from paretune.kinds.pictured_probe import PicturedProbe, asked_rows
from paretune.methods.capabilities import answering_of, recorded_audit
from paretune.models import load_model, tokenizer_of
from paretune.spec import IMAGE_TEXT, Audit, InputError, MethodEntry
from paretune.testing.refusal import refusal

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def audit() -> Audit:
    return audit_methods(["lora", "lily", "prompt-tuning"], kinds=[IMAGE_TEXT], jobs=1)


def test_what_holds_what_fails_and_what_is_refused(audit: Audit) -> None:
    lora, lily, virtual = audit.methods
    assert audit.base_models == {IMAGE_TEXT: "toy Idefics3"}
    assert not lora.failed(IMAGE_TEXT)
    assert {finding.claim for finding in lora.findings} == kind_named(IMAGE_TEXT).claims
    assert "batch_invariant" in lily.failed(IMAGE_TEXT)
    assert "its virtual tokens are embeddings" in virtual.failed(IMAGE_TEXT)["attaches"]


def test_a_sample_is_answered_by_its_own_image() -> None:
    subject = kind_named(IMAGE_TEXT).subject(None, tied=False)
    assert subject is not None
    model, rows = subject.fresh().model, asked_rows(subject.fresh().tokenizer)
    assert len({row.num_tokens for row in rows}) == 1
    swapped = PicturedProbe([rows[0], replace(rows[0], pictures=rows[1].pictures)], pad_id=0, eos_id=1)
    assert not torch.equal(*(swapped.outputs(model, [row]) for row in (0, 1)))
    assert torch.equal(swapped.outputs(model, [0]), subject.probe.outputs(model, [0]))


def test_padding_is_cut_off_again() -> None:
    subject = kind_named(IMAGE_TEXT).subject(None, tied=False)
    assert subject is not None
    model, probe = subject.fresh().model, subject.probe
    plain, padded = probe.outputs(model, [0]), probe.padded_outputs(model, 0)
    assert {way: found.shape for way, found in padded.items()} == {
        "padding on the left": plain.shape,
        "padding on the right": plain.shape,
    }
    assert all(torch.allclose(found, plain, atol=1e-4) for found in padded.values())


def test_recording_one_kind_leaves_the_others(audit: Audit, tmp_path: Path) -> None:
    whole = recorded_audit()
    assert whole is not None
    file = tmp_path / "recorded.json"
    one_kind = audit.model_copy(update={"packages": whole.packages, "methods": audit.methods[:1]})
    write_recorded(whole, file)
    merged = with_the_rest(one_kind, file, (), [IMAGE_TEXT])
    assert merged.base_models == {**whole.base_models, **audit.base_models}
    for before, after in zip(whole.methods, merged.methods, strict=True):
        others = [finding for finding in before.findings if finding.model_kind != IMAGE_TEXT]
        assert [finding for finding in after.findings if finding.model_kind != IMAGE_TEXT] == others
    lora = next(one for one in merged.methods if one.method == audit.methods[0].method and not one.tied_embeddings)
    assert [one for one in lora.findings if one.model_kind == IMAGE_TEXT] == list(audit.methods[0].findings)


def test_the_recorded_audit_speaks_of_the_kind() -> None:
    from paretune.methods import resolve

    whole = recorded_audit()
    assert whole is not None
    assert IMAGE_TEXT in whole.base_models
    asked = [one for one in whole.methods if any(finding.model_kind == IMAGE_TEXT for finding in one.findings)]
    assert len(asked) >= 15
    assert answering_of(resolve(MethodEntry(name="lily")), model_kind=IMAGE_TEXT).alone
    assert not answering_of(resolve(MethodEntry(name="lora")), model_kind=IMAGE_TEXT).alone


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"kinds": ["image-txt"]}, "unknown kind of model"),
        ({"kinds": [IMAGE_TEXT], "model": "toy:llama"}, "a kind goes without a model"),
    ],
)
def test_a_kind_that_cannot_be_audited_is_refused(settings: dict[str, object], line: str) -> None:
    assert line in refusal(lambda: audit_methods(["lora"], jobs=1, **settings))  # type: ignore[arg-type]


def test_the_toy_is_a_base_model_of_this_kind_alone() -> None:
    loaded = load_model("toy:idefics3", sees=True)
    shown = kind_named(IMAGE_TEXT).shown(tokenizer_of("toy:idefics3", sees=True), 64)
    assert shown.encoded.segments[0].ids.count(loaded.model.config.image_token_id) == 4
    assert kind_named(IMAGE_TEXT).fits("toy:idefics3")
    assert "reads pictures" in refusal(lambda: load_model("toy:idefics3"))
    with pytest.raises(InputError, match="toy:idefics3 does"):
        tokenizer_of("toy:llama", sees=True)
