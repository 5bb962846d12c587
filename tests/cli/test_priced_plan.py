"""`run --plan --gpu`: what a study would take on GPUs that are not here, without network."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from paretune.analysis.table.plan_cost import Pricing
from paretune.cli.app import app
from paretune.cli.pricing import price_plan
from paretune.estimate import estimate_memory
from paretune.execute.plan import plan
from paretune.execute.prepare import Prepared, prepare
from paretune.models.bundled_configs import carried_shapes
from paretune.report.plan_cost import assumptions, pricing_json, pricing_summary
from paretune.spec import InputError, MethodEntry, Phase, PhaseReading, Study, Unreachable
from paretune.spec.memory import MemoryEstimate
from paretune.store import Store
from tests.cli.conftest import TOY
from tests.records import PROVENANCE, make_record

STUDY = Path(__file__).parents[2] / "studies" / "llama3.1-70b.toml"
LARGE = "meta-llama/Llama-3.1-70B"
SMALL = {
    "num_hidden_layers": 3, "hidden_size": 256, "intermediate_size": 512, "vocab_size": 1000,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Put a small model's configuration in the place of the large one's, and let no hub be reached."""
    with pytest.MonkeyPatch.context() as patch:
        file = tmp_path_factory.mktemp("shapes") / "config.json"
        file.write_text(json.dumps(json.loads(carried_shapes()[LARGE].read_text()) | SMALL))
        patch.setattr("paretune.models.shapes.carried_shapes", lambda: {LARGE: file})
        patch.setattr("paretune.models.load.carried_shapes", lambda: {LARGE: file})

        def unreachable(*_: object, **__: object) -> Path:
            raise Unreachable(f'base model "{LARGE}": the hub cannot be reached')

        patch.setattr("paretune.models.load.hub_folder", unreachable)
        yield


@pytest.fixture(scope="module")
def prepared(small: None, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(Study.from_toml(STUDY), Store(tmp_path_factory.mktemp("plan")), weights=False)


@pytest.fixture(scope="module")
def priced(prepared: Prepared) -> Pricing:
    return price_plan(prepared, "h100", None)


def test_offload_is_said_not_to_be_in_the_times(priced: Pricing) -> None:
    said = assumptions(priced._replace(cards=priced.cards._replace(cpu_offload=True)))
    assert [line for line in said if line not in assumptions(priced)] == [
        "With CPU offload, parameters also come from main memory in each forward and each backward pass, and the "
        "optimizer steps there. Neither is in the times: take them as the least."
    ]


def test_the_study_of_a_model_that_fits_no_gpu_is_priced_without_network(prepared: Prepared, priced: Pricing) -> None:
    (unchecked,) = prepared.unchecked
    assert "the hub cannot be reached" in unchecked
    rows = {one.label: one for one in priced.methods}
    assert {label: one.num_trials for label, one in rows.items()} == {
        "base": 1, **dict.fromkeys(("lora", "dora", "oft", "ia3", "ln-tuning"), 5 + 3)
    }  # fmt: skip
    assert rows["base"].step is None
    for one in priced.methods[1:]:
        assert one.why_not is None
        assert one.step is not None
        assert one.step.received_bytes > 0
        assert one.seconds.low < one.seconds.middle < one.seconds.high
    assert priced.by_characters
    assert (priced.cards.number, priced.num_answering) == (8, 1)


def test_its_memory_is_that_of_estimate(priced: Pricing) -> None:
    study = Study.from_toml(STUDY)
    lora = next(entry for entry in study.methods if entry.name == "lora")
    (one,) = estimate_memory(
        LARGE, [MethodEntry(name="lora", parameters=lora.parameters)],
        batch_size=study.recipe.batch_size // 8, sequence_length=study.recipe.max_length, num_devices=8, gpu="h100",
    )  # fmt: skip
    assert isinstance(one, MemoryEstimate)
    assert one.sharded is not None
    assert one.sharded.train.reserved_bytes == next(row for row in priced.methods if row.label == "lora").needed_bytes


def test_table_and_json_say_what_the_price_rests_on(priced: Pricing) -> None:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(pricing_summary(priced, 20.0), soft_wrap=True)
    text = shown.get()
    for words in ("8 H100", "10% to 30% of the peak of 8 x 989 TFLOP/s", "450 GB/s (assumed", "counted by characters"):
        assert words in text
    value = json.loads(json.dumps(pricing_json(priced, 20.0)))
    assert value["price"]["middle"] == pytest.approx(value["seconds"]["middle"] / 3600 * 20)
    assert [one["method"] for one in value["methods"]] == [one.label for one in priced.methods]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "Answers are generated on one GPU, and need"),
        (3, "they are generated on 3 of the 8 GPUs."),
        (9, "cannot hold that: every trial that answers would end out of memory"),
    ],
)
def test_the_plan_says_which_gpus_answer(priced: Pricing, number: int, words: str) -> None:
    assert words in " ".join(assumptions(priced._replace(num_answering=number)))


def test_the_speed_may_be_that_of_a_study_with_a_smaller_model(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "toy.toml"
    file.write_text(TOY)
    (trial,) = (one for one in plan(Study.from_toml(file)) if one.method.trains)
    phases = (PhaseReading(phase=Phase.TRAIN, seconds=1),)
    on_card = PROVENANCE.model_copy(update={"device": "NVIDIA H100 80GB HBM3"})
    record = make_record(phases=phases, step_seconds=(1e-6,), provenance=on_card).model_copy(update={"trial": trial})
    monkeypatch.setattr("paretune.cli.pricing._Work.priced", lambda *_: None)
    monkeypatch.setattr("paretune.cli.pricing._Work.answer_bytes", lambda *_: 1)
    monkeypatch.setattr("paretune.store.load_records", lambda _: [record])
    found = price_plan(prepared, "h100", tmp_path)
    low, high = found.cards.utilisation
    assert low == high
    assert 0 < low < 1
    with pytest.raises(InputError, match="its steps ran on NVIDIA H100 80GB HBM3, not on the GPU a100"):
        price_plan(prepared, "a100", tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gpu", "h100"], "--gpu belongs to --plan"),
        (["--plan", "--price", "2/h"], "--price belongs to --plan with --gpu"),
        (["--plan", "--speed-from", "x"], "--speed-from belongs to --plan with --gpu"),
        (["--plan", "--gpu", "t4"], "t4 has no products in bfloat16"),
        (["--plan", "--gpu", "h101"], 'no GPU "h101" (did you mean "h100"?)'),
    ],
)
def test_wrong_use_is_one_line(options: list[str], said: str) -> None:
    line = ["run", "--model", "toy:llama", "--methods", "lora", "--task", "word_problems", *options]
    found = CliRunner().invoke(app, line)
    assert found.exit_code != 0
    assert said in str(found.exception)
    assert "\n" not in str(found.exception)
