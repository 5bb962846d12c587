"""Methods on quantised bases: one study of several formats, and what is refused before anything runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import paretune
from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.run import run
from paretune.methods import Context, build, resolve
from paretune.methods.capabilities import marks_of
from paretune.methods.quantised_bases import check_on_packed, check_on_quantised
from paretune.models import load_model
from paretune.spec import InputError, MethodEntry, Recipe, Study, Unavailable
from tests.models.quantised_toy import save_as_quantised

Build = Callable[..., Study]

VARIANTS = {"float32": {}, "NF4": {"quantisation": "nf4"}}


def test_every_method_is_entered_once_for_each_variant_of_the_recipe(toy_study: Build) -> None:
    methods = ["base", {"name": "lora", "parameters": {"r": 4}, "recipe": {"weight_decay": 0.1}}]
    study = toy_study(methods=methods, recipe_variants=VARIANTS)
    assert [entry.label for entry in study.methods] == ["base float32", "base NF4", "lora float32", "lora NF4"]
    assert study.methods[3].recipe == {"quantisation": "nf4", "weight_decay": 0.1}
    assert study.methods[3].parameters == {"r": 4}
    formats = {trial.method.label: trial.recipe.quantisation for trial in plan(study)}
    assert formats == {"base float32": None, "base NF4": "nf4", "lora float32": None, "lora NF4": "nf4"}


@pytest.mark.parametrize("variants", [{}, ["nf4"], {"NF4": "nf4"}])
def test_variants_that_are_no_table_are_refused(toy_study: Build, variants: Any) -> None:
    with pytest.raises(InputError, match="recipe_variants must be a table of names"):
        toy_study(recipe_variants=variants)
    with pytest.raises(InputError, match=r'unknown recipe key "quantization" .did you mean "quantisation"'):
        toy_study(recipe_variants={"NF4": {"quantization": "nf4"}})


@pytest.mark.usefixtures("kept_fork_servers")
def test_formats_are_compared_question_by_question_in_one_study(toy_study: Build, folder: Path) -> None:
    pytest.importorskip("bitsandbytes")
    records = run(toy_study(methods=["lora"], recipe_variants=VARIANTS), folder)
    assert [record.outcome.kind for record in records] == ["ok", "ok"]
    assert [record.trial.recipe.quantisation for record in records] == [None, "nf4"]
    assert records[0].metrics["train_peak_bytes"] > records[1].metrics["train_peak_bytes"]
    found = paretune.compare(folder, "lora NF4", "lora float32")
    assert found.paired
    assert "quantisation = nf4 for lora NF4 (shared: none)" in " ".join(found.notes)


@pytest.mark.parametrize("quantisation", ["nf4", "fp4"])
def test_a_method_that_cannot_is_refused_in_one_line(toy_study: Build, quantisation: str) -> None:
    pytest.importorskip("bitsandbytes")
    study = toy_study(methods=["loha", "full", "lora"], recipe={"steps": 4, "quantisation": quantisation})
    with pytest.raises(InputError) as refusal:
        check_trials(plan(study))
    first, second = str(refusal.value).splitlines()
    assert f'method "loha": does not go with a base model in {quantisation} (audit: RuntimeError' in first
    assert "leave it out, or give it recipe" in first
    assert 'method "full": does not go with' in second
    left = check_trials(plan(study), refuse_unavailable=False)
    assert left.keys() == {"loha", "full"}


def test_what_cannot_go_with_torchao_is_refused_by_what_was_found_there(toy_study: Build) -> None:
    pytest.importorskip("torchao")
    study = toy_study(methods=["hira", "velora", "lora"], recipe={"steps": 4, "quantisation": "int8-torchao"})
    with pytest.raises(InputError) as refusal:
        check_trials(plan(study))
    assert str(refusal.value).startswith('method "hira": does not go with a base model in int8-torchao (audit: Not')
    assert "\n" not in str(refusal.value)


def test_a_base_that_comes_quantised_is_not_trained_as_a_whole() -> None:
    pytest.importorskip("torchao")
    model = load_model("toy:llama", quantisation=Recipe(quantisation="int8-torchao").quantised).model
    context = Context(Recipe(), learning_rate=1e-4, seed=0, tokenizer=None)
    with pytest.raises(InputError, match='method "full": quantised weights cannot be trained'):
        build(resolve(MethodEntry(name="full"))).wrap(model, context)


def test_what_the_audit_found_decides(toy_study: Build) -> None:
    for name, fails in {"loha": {"nf4", "fp4"}, "pissa": {"nf4", "fp4", "int8"}, "lora": set(), "dora": set()}.items():
        for form in ("nf4", "fp4", "int8"):
            if form in fails:
                with pytest.raises(Unavailable, match=f"in {form} "):
                    check_on_quantised(resolve(MethodEntry(name=name)), form)
            else:
                check_on_quantised(resolve(MethodEntry(name=name)), form)


def test_a_record_says_what_failed_on_its_own_format_only() -> None:
    loha = resolve(MethodEntry(name="loha"))
    for recipe, failed in ((Recipe(), False), (Recipe(quantisation="int8"), False), (Recipe(quantisation="nf4"), True)):
        marks = marks_of(loha, recipe)
        assert marks is not None
        assert ("trains_on_nf4" in marks.failed) == failed
        assert "trains_on_int8" not in marks.failed


def test_image_models_are_not_quantised(toy_study: Build) -> None:
    study = toy_study(
        base_model="shipped:drawings",
        tasks=[{"name": "image_concept"}],
        methods=["lora"],
        recipe={"steps": 4, "batch_size": 4, "quantisation": "nf4"},
    )
    with pytest.raises(InputError, match='quantisation = "nf4": not with an image model'):
        check_trials(plan(study))


def test_a_base_that_comes_quantised_is_checked_like_one_that_is_asked_for(toy_study: Build, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    made = load_model("toy:llama", quantisation=Recipe(quantisation="nf4").quantised)
    made.model.save_pretrained(tmp_path)
    made.tokenizer.save_pretrained(tmp_path)
    base = f"path:{tmp_path}"
    assert check_trials(plan(toy_study(base_model=base, methods=["base", "lora"]))) == {}
    with pytest.raises(InputError, match='method "loha": does not go with a base model in nf4'):
        check_trials(plan(toy_study(base_model=base, methods=["loha"])))
    with pytest.raises(InputError, match=r"is quantised already \(nf4\); leave it out"):
        check_trials(plan(toy_study(base_model=base, recipe={"steps": 4, "quantisation": "int8"})))


@pytest.mark.parametrize(
    "name", ["lora", "rslora", "oft", "vera", "ln-tuning", "prompt-tuning", "lora-fa", "eva", "qalora"]
)
def test_what_trained_on_packed_layers_is_not_refused(name: str) -> None:
    for method in ("gptq", "awq"):
        check_on_packed(resolve(MethodEntry(name=name)), method)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dora", "with use_dora"),
        ("pissa", "with init_lora_weights"),
        ("corda", "with init_lora_weights"),
        ("alora", "with invocation tokens"),
        ("velora", "with velora_config"),
        ("ia3", "of the type IA3"),
        ("xlora", "of the type XLORA"),
    ],
)
def test_what_reads_the_weight_is_refused_on_packed_layers_in_one_line(name: str, reason: str) -> None:
    with pytest.raises(Unavailable) as refusal:
        check_on_packed(resolve(MethodEntry(name=name)), "gptq")
    assert f'method "{name}": peft {reason} adapts no layer that is packed by GPTQ' in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_adalora_knows_gptq_and_not_awq() -> None:
    check_on_packed(resolve(MethodEntry(name="adalora")), "gptq")
    with pytest.raises(Unavailable, match="of the type ADALORA adapts no layer that is packed by AWQ"):
        check_on_packed(resolve(MethodEntry(name="adalora")), "awq")


def test_a_study_on_a_packed_base_is_refused_before_anything_runs(
    toy_study: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paretune.models.quantisation._is_there", lambda module: True)
    base_model = save_as_quantised(tmp_path, {"quant_method": "gptq", "bits": 4, "group_size": 32})
    study = toy_study(methods=["lora", "dora"], base_model=base_model)
    with pytest.raises(InputError) as refusal:
        check_trials(plan(study))
    (line,) = str(refusal.value).splitlines()
    assert 'method "dora": peft with use_dora adapts no layer that is packed by GPTQ' in line
