"""Every experiment folder of peft's method comparison is taken as it is: planned, trained, saved, reloaded, asked."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import run_trial
from paretune.interop.importers import study_from_experiments
from paretune.kinds import kind_named
from paretune.measure import general_texts
from paretune.methods import build, resolve, without_schedule
from paretune.methods.capabilities import audit_of
from paretune.methods.peft import Peft
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError, MethodEntry, Recipe, Study, TaskEntry
from tests.methods.real_path import Silent
from tests.outside import PUBLISHED, needs_published

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning"),
    needs_published,
]

ENTRIES: dict[str, tuple[MethodEntry, ...]] = {
    name: study_from_experiments(PUBLISHED / name).methods if PUBLISHED.is_dir() else ()
    for name in ("MetaMathQA", "image-gen")
}
MADE_FOR_THE_REAL_MODEL = {
    "adaptionprompt lr_0.0005": "adapter layers '28'",
    "adaptionprompt lr_5e-3": "adapter layers '28'",
    "trainable_tokens sos+eos": "no token 128001",
}
"""Experiments whose parameters a model of two layers and a hundred tokens cannot have, and what they report."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    """Yield their study with a Llama of two layers, wide enough for their ranks and blocks, and data of our own."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("experiments")
    tokenizer = toy_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=512, pad_token_id=0, eos_token_id=1, bos_token_id=2,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    rows = [{"question": f"Ann has {n} eggs. How many?", "answer": f"Yes.\n#### {n}"} for n in range(60)]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.jsonl").write_text("".join(json.dumps(row | {"question": "And?"}) + "\n" for row in rows[:4]))
    files = {name: str(folder / "train.jsonl") for name in ("train", "validation")}
    theirs = study_from_experiments(PUBLISHED / "MetaMathQA")
    options = {**theirs.tasks[0].options, **files, "test": str(folder / "test.jsonl")}
    options |= {"validation_size": 8, "max_new_tokens": 4}
    gc.freeze()  # keeps what is loaded already out of the many garbage collections of a trial
    yield theirs.model_copy(
        update={
            "base_model": f"path:{folder / 'base'}",
            "tasks": (TaskEntry(name="gsm8k", options=options),),
            "general_text": None,
            "recipe": theirs.recipe.model_copy(update={"steps": 2, "warmup_ratio": 0.0, "dtype": "float32"}),
        }
    )
    gc.unfreeze()


@pytest.fixture
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what is tested elsewhere: counting memory, and most of the general text."""
    texts = general_texts()[:2]
    monkeypatch.setattr("paretune.kinds.language.general_texts", lambda: texts)
    monkeypatch.setattr("paretune.measure.phases.count_peak_bytes", lambda model, work: 1)


def test_all_of_them_are_there() -> None:
    assert {name: len(entries) for name, entries in ENTRIES.items()} == {"MetaMathQA": 71, "image-gen": 33}


@pytest.mark.usefixtures("_quickly")
@pytest.mark.parametrize("entry", ENTRIES["MetaMathQA"], ids=lambda entry: entry.label)
def test_a_maths_experiment_runs_or_reports_why_not(entry: MethodEntry, study: Study, tmp_path: Path) -> None:
    (trial,) = plan(study.model_copy(update={"methods": (without_schedule(entry),)}))
    reason = MADE_FOR_THE_REAL_MODEL.get(trial.method.label)
    if reason is not None:
        with pytest.raises(InputError, match=reason):
            check_trials([trial])
        return
    check_trials([trial])
    finished = run_trial(trial, tmp_path / "adapter", attempt=1, concurrent_workers=1, listener=Silent())
    outcome = finished.record.outcome
    assert outcome.kind == "ok", getattr(outcome, "traceback", outcome)
    assert len(finished.record.train_losses) == 2
    assert finished.record.num_items == 4
    assert any((tmp_path / "adapter").glob("*.safetensors"))


@pytest.mark.parametrize("entry", ENTRIES["image-gen"], ids=lambda entry: entry.label)
def test_an_image_experiment_is_a_method_that_peft_accepts(entry: MethodEntry) -> None:
    method = build(resolve(entry))
    if isinstance(method, Peft):
        config = method.config(Recipe(), kind_named("diffusion").traits.peft_task_type)
        assert config.task_type is None
        assert str(config.peft_type.value) == method.spec.peft_type
    else:
        assert entry.name == "full"


def test_experiments_that_say_peft_s_defaults_are_audited_as_the_presets_are() -> None:
    unaudited = [entry.label for entry in ENTRIES["MetaMathQA"] if audit_of(resolve(entry)) is None]
    families = {str(label).split(" ")[0] for label in unaudited}
    assert families <= {"deft", "osf", "prefixtuning", "prompt_tuning", "trainable_tokens", "full-finetuning"}
    assert len(unaudited) <= 6
