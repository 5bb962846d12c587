"""compare, recommend and claim as a person meets them."""

import inspect
import json
from pathlib import Path

import pytest

import paretune
from paretune.analysis.decisions.comparison import comparison_sentence
from paretune.analysis.decisions.wishes import Wishes
from paretune.cli.app import recommend
from paretune.cli.decisions import show_claim, show_comparison, show_recommendation, weights_from
from paretune.interop.importers import import_peft_comparison
from paretune.methods import resolve
from paretune.spec import InputError, MethodEntry
from paretune.store import Store, load_records
from tests.cli.conftest import Paretune
from tests.outside import PUBLISHED, needs_published
from tests.studies import drawn_answers, evidence, write_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = evidence(drawn_answers({"lora": 0.45, "dora": 0.46, "full": 0.65, "base": 0.05}))
    return write_study(tmp_path_factory.mktemp("decisions") / "study", found)


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study of methods as they are resolved, so that the recorded audits speak for them."""
    answers = drawn_answers({"lora": 0.45, "full": 0.65, "base": 0.05})
    changes = {name: {"method": resolve(MethodEntry(name=name))} for name in answers}
    return write_study(tmp_path_factory.mktemp("audited") / "study", evidence(answers, **changes))


def wishes(**changes: object) -> Wishes:
    return Wishes(**{"maximise": "accuracy"} | changes)  # type: ignore[arg-type]


def test_compare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(folder, "full", "lora", task=None, across=False, as_json=False)
    text = capsys.readouterr().out
    assert "full is ahead of lora in these runs by" in text
    assert "Standard error of the difference: questions" in text
    assert "training memory 2.61 GB" in text
    show_comparison(folder, "full", "lora", task=None, across=False, as_json=True)
    value = json.loads(capsys.readouterr().out)
    assert value["verdict"] == "ahead"
    assert value["sentence"] in " ".join(value["text"])
    assert value == paretune.compare(folder, "full", "lora").model_dump(mode="json") | {"text": value["text"]}


def test_recommend(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limited = wishes(max_memory="2GB")
    show_recommendation(folder, limited, task=None, across=False, as_json=False)
    text = capsys.readouterr().out
    assert "highest accuracy, with training memory at most 2.00 GB" in text
    assert "Ruled out: full: training memory 2.61 GB, wanted at most 2.00 GB." in text
    assert "Not fine-tuned, shown for comparison: base." in text
    assert "probability of being the best of those that meet the requirements" in text
    show_recommendation(folder, limited, task=None, across=False, as_json=True)
    value = json.loads(capsys.readouterr().out)
    for again in (
        paretune.recommend(folder, limits=["train_peak_bytes<=2GB"]),
        paretune.recommend(folder, max_memory="2GB", maximise="accuracy"),
    ):
        assert value == again.model_dump(mode="json") | {"text": value["text"]}


@needs_published
@pytest.mark.parametrize(
    ("name", "metric", "words"),
    [
        ("peft-metamathqa", "run_peak_reserved_bytes", "with memory of the whole run at most 24.0 GB"),
        ("peft-image-gen", "train_peak_reserved_bytes", "with training memory (reserved) at most 24.0 GB"),
    ],
)
def test_max_memory_bounds_the_memory_that_imported_records_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, metric: str, words: str
) -> None:
    import_peft_comparison(PUBLISHED, tmp_path)
    show_recommendation(
        tmp_path / name, wishes(maximise=None, max_memory="24GB"), task=None, across=True, as_json=False
    )
    text = capsys.readouterr().out
    assert words in text.splitlines()[0]
    assert "memory was not measured" not in text
    over = [record for record in load_records(tmp_path / name) if record.metrics[metric] > 24e9]
    assert text.count(", wanted at most 24.0 GB") == len(over)


@needs_published
def test_recommend_compare_and_claim_work_on_the_imported_study_of_the_readme(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_peft_comparison(PUBLISHED, tmp_path)
    maths = tmp_path / "peft-metamathqa"
    show_recommendation(maths, wishes(maximise=None), task=None, across=False, as_json=False)
    text = capsys.readouterr().out
    assert "1. lily rank140-mlp-a2-b2-s8.0: accuracy 52.6%" in text
    assert "weight_decay = 1e-05 for c3a (shared: 0.1)" in text
    show_comparison(maths, "osf rank128", "c3a", task=None, across=False, as_json=False)
    assert "trainable_dtype = as_base for osf rank128" in capsys.readouterr().out
    show_claim(maths, "lily rank896-a2-b2-s2.0 beats lora rank32", task=None, as_json=False)
    assert "lily rank896-a2-b2-s2.0 failed the audit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("label", "loading"),
    [
        ("dora", '; load it with PeftModel.from_pretrained(base_model, "{}")'),
        ("ia3", '; load it with PeftModel.from_pretrained(base_model, "{}")'),
        ("full", '; a whole model: load it with from_pretrained("{}")'),
        ("kasa", '; load it with PeftModel.from_pretrained(base_model, "{}")'),
        ("xlora", ""),
    ],
)
def test_recommend_says_where_the_checkpoint_lies_and_how_it_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], label: str, loading: str
) -> None:
    method = {label: {"method": resolve(MethodEntry(name=label))}}
    folder = write_study(tmp_path / "study", evidence(drawn_answers({label: 0.65, "base": 0.05}), **method))
    show_recommendation(folder, wishes(), task=None, across=False, as_json=False)
    printed = capsys.readouterr().out
    assert "Checkpoint" not in printed
    assert f"No checkpoint in {folder / 'adapters'} of: {label}. Running the study into another folder" in printed
    record = next(one for one in load_records(folder) if one.trial.method.label == label and one.trial.seed == 0)
    place = Store(folder).adapter_folder(record.trial_id, record.attempt)
    place.mkdir(parents=True)
    show_recommendation(folder, wishes(), task=None, across=False, as_json=False)
    printed = capsys.readouterr().out
    assert "No checkpoint" not in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("Checkpoint")]
    assert line == f"Checkpoint of {label}, seed 0: {place}{loading.format(place)}"
    show_recommendation(folder, wishes(), task=None, across=False, as_json=True)
    assert json.loads(capsys.readouterr().out)["checkpoints"] == {label: str(place)}


def test_compare_with_one_method_or_none_names_those_to_choose_from(folder: Path) -> None:
    with pytest.raises(InputError, match=r"compare needs two methods; there are: .*lora.*base"):
        show_comparison(folder, None, None, task=None, across=False, as_json=False)
    with pytest.raises(InputError, match=r'besides "LORA" there are: dora, full, base') as caught:
        show_comparison(folder, "LORA", None, task=None, across=False, as_json=False)
    assert len(caught.value.problems) == 1


def test_methods_are_found_in_capitals_too_and_no_two_are_called_equal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_comparison(folder, "DoRA", "LoRA", task=None, across=False, as_json=False)
    printed = capsys.readouterr().out
    compared = paretune.compare(folder, "dora", "lora")
    pairs = f"Corrected for all {compared.num_comparisons} pairs of the {compared.num_rows} rows: p = "
    most = f"{100 * compared.within:.1f} points"
    within = f"; a true difference of more than {most}, either way, is ruled out (95% confidence)."
    assert pairs in printed
    assert within in printed
    assert "This pair alone: 95% interval " in printed
    assert "equal" not in printed
    nothing = compared.model_copy(update={"within": 1.0})
    assert "; no difference is ruled out. The verdict uses the corrected p-value; " in comparison_sentence(nothing)


def test_recommend_with_capabilities_and_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = wishes(mergeable=True, servable="vllm", weights={"accuracy": 2.0, "train_peak_bytes": 1.0})
    show_recommendation(folder, wanted, task=None, across=False, as_json=True)
    value = json.loads(capsys.readouterr().out)
    assert value["capabilities"] == ["mergeable", "servable_by_vllm"]
    assert value["weights"] == pytest.approx({"accuracy": 2 / 3, "train_peak_bytes": 1 / 3})
    show_recommendation(
        folder, wishes(weights={"accuracy": 2.0, "forgetting": 1.0}), task=None, across=False, as_json=False
    )
    assert "best weighted sum of accuracy (67%), forgetting (33%)" in capsys.readouterr().out


def test_claim(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_claim(folder, "full beats lora", task=None, as_json=False)
    text = capsys.readouterr().out
    assert text.startswith('"full beats lora": undecided')
    assert "no       both tuned with the same budget" in text
    assert "yes      same settings" in text
    show_claim(folder, "lora beats full", task=None, as_json=True)
    value = json.loads(capsys.readouterr().out)
    assert value["verdict"] == "undecided"
    assert "in these runs it is behind, but the protocol is not met" in value["reason"]
    assert value == paretune.claim(folder, "lora beats full").model_dump(mode="json") | {"text": value["text"]}


def test_pareto_from_python(folder: Path) -> None:
    front = paretune.pareto(folder)
    assert {point.name for point in front.points if point.on_front} >= {"full", "lora"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_memory": "2 litres"}, "--max-memory: .*litres.*write 24GB"),
        ({"max_memory": "24"}, '--max-memory: "24" has no unit; write 24GB'),
        ({"capabilities": ["mergable"]}, '--capability: unknown capability "mergable" .did you mean "mergeable"'),
        ({"limits": ["speed<=1"]}, "--limit: no metric"),
        ({"maximise": "speed"}, "--maximise: no metric"),
        ({"weights": {"speed": 1.0}}, "--weight: no metric"),
        ({"weights": {"accuracy": -1.0}}, "must be above 0"),
        ({"servable": "abacus"}, "--servable: .*vllm"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(folder: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        show_recommendation(folder, wishes(**changes), task=None, across=False, as_json=False)


def test_weights_are_read_as_they_are_typed(folder: Path) -> None:
    assert weights_from(["accuracy=2", "forgetting = 0.5"]) == {"accuracy": 2.0, "forgetting": 0.5}
    for text, words in (("accuracy", "--weight: .*is not a weight"), ("speed=1", "--weight: no metric")):
        with pytest.raises(InputError, match=words):
            show_recommendation(folder, wishes(weights=weights_from([text])), task=None, across=False, as_json=False)


def test_python_knows_every_option_of_the_command_by_its_name(folder: Path) -> None:
    options = set(inspect.signature(recommend).parameters) - {"folder", "json"}
    plural = {"limit": "limits", "weight": "weights", "capability": "capabilities"}
    assert {plural.get(name, name) for name in options} <= set(inspect.signature(paretune.recommend).parameters)
    found = paretune.recommend(folder, max_memory="2GB", mergeable=True, min_accuracy="10%")
    assert [limit.metric for limit in found.limits] == ["train_peak_bytes", "accuracy"]
    assert found.capabilities == ("mergeable",)
    assert paretune.recommend(folder, min_accuracy=0.1).limits == found.limits[1:]
    with pytest.raises(InputError, match=r"^max_memory: .*has no unit"):
        paretune.recommend(folder, max_memory=24)


def test_the_commands_end_with_the_right_codes(paretune: Paretune, folder: Path) -> None:
    done = paretune("recommend", folder, "--max-memory", "2GB", "--min-accuracy", "10%", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["limits"][1] == {"metric": "accuracy", "bound": "at least", "value": 0.1}
    done = paretune("compare", folder, "full", "lorra")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert 'did you mean "lora"' in done.stderr


def test_full_has_nothing_to_merge_and_python_and_command_find_the_same_audits(
    audited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_recommendation(audited, wishes(mergeable=True), task=None, across=False, as_json=True)
    value = json.loads(capsys.readouterr().out)
    again = paretune.recommend(audited, capabilities=["mergeable"], maximise="accuracy")
    assert value == again.model_dump(mode="json") | {"text": value["text"]}
    assert "full" in again.admissible
    assert "lora" in again.admissible
    assert [(one.name, one.reasons[0].kind) for one in again.ruled_out] == [("base", "does not train")]


def test_python_and_command_find_the_same_audits_for_a_claim(audited: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_claim(audited, "full beats lora", task=None, as_json=True)
    value = json.loads(capsys.readouterr().out)
    found = paretune.claim(audited, "full beats lora")
    assert value == found.model_dump(mode="json") | {"text": value["text"]}
    assert next(check.passed for check in found.checks if check.point == "audit") is True
