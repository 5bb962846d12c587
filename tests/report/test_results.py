import io
import json
import re

import pytest
from rich.console import Console

from paretune.analysis import Answers, no_answers, rows_of
from paretune.report import results_json, results_summary
from paretune.report.html.page import render_page
from paretune.report.wording import departures, untrained_notes
from paretune.spec import Diverged, Failed, MethodSpec, Phase, Recipe, Record, TaskSpec
from tests.records import make_record, make_records, make_study


def printed(records: list[Record], width: int = 100, answers: Answers = no_answers) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(results_summary(records, answers))
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


_HIDDEN = re.compile(r"Columns hidden because the terminal is too narrow: (.+?)\. A wider one or --json")
LABELS = {"lora": 1e-3, "base-few-shot": None, "lora-with-a-long-name": 2e-2}

WIDE = """\
word_problems, test split
                                        seen/ Training   Step
Method               Accuracy Lenient  unseen   memory   time    Forgetting Checkpoint Trainable
full ≈ ◆87%      58.3% 49–67%   60.0% 73%/15%  2.61 GB 2.94 s +0.131 ±0.004     538 MB      135M
dora ≈ ◆46%      49.2% 40–58%   50.0% 61%/12%  1.46 GB 3.71 s +0.042 ±0.004    10.2 MB     2.53M
lora ≈ ◆100%     48.3% 40–57%   50.0% 60%/12%  1.21 GB 2.48 s +0.042 ±0.004    9.79 MB     2.44M
oft ≈ ◇36%       45.8% 37–55%   46.7% 57%/11%  1.33 GB 3.05 s +0.031 ±0.004    7.12 MB     1.77M
ia3 ◆63%         20.8% 15–29%   25.8%  26%/5%  1.09 GB 2.21 s +0.010 ±0.004     402 kB     94.1k
ln-tuning ◆100%  19.2% 13–27%   25.0%  24%/5%  1.04 GB 2.09 s +0.009 ±0.004     144 kB     35.1k
vera ◇9%         15.8% 10–23%   24.2%  20%/4%  1.16 GB 2.55 s +0.005 ±0.004     191 kB     46.1k
base-few-shot      9.2% 5–16%   14.2%  11%/2%        –      – +0.000 ±0.004          –         –
base                4.2% 2–9%   10.8%   5%/1%        –      – +0.000 ±0.004          –         –
boft            out of memory       –       –        –      –             –          –         –

◆ on the Pareto front of accuracy and training memory, ◇ not on it in these runs; %: probability of
being on it with new questions and seeds; without a mark a row is not on it, and its probability is
below 5%. The cheapest is on it however low its main metric, if that is better than that of the base
model
≈ tied for best: no method is significantly better (5% level, corrected for all pairs of rows); a
method with a low mean and a large error can be tied, too; choose among tied methods by cost, or run
more seeds
Not trained, to compare with: base (the untouched base model); base-few-shot (the untouched base
model).
Lenient: accuracy that accepts a right answer in any form, not only in the form of the task.
seen/unseen: accuracy on parts of the test questions (seen: from templates of the training data;
unseen: from other templates). No test question itself is in the training data.
Forgetting: increase of the loss on general text (the first 96 tokens of each of 24 English passages
of State of the Union addresses, 1790 to 2021), in nats per token, ± its standard error over texts;
+0.05 is a perplexity 5% higher.
boft: out of memory in phase train: could not allocate 5.3 GB
Accuracy is shown with a 95% interval over the questions; seed variance is not included.
Training of each method: 320 examples (40 steps of 8).
These results describe these runs and support no claim that one fine-tuning method is better than
another: the learning rates were not tuned with the same budget, there are fewer than 5 seeds (the
minimum) and not every method has passed an audit.
Base model toy:llama: weights are dequantised from Q4_1, not the original ones"""


def test_the_table_as_it_is_seen() -> None:
    assert printed(make_records()) == WIDE


def test_nothing_is_lost_in_a_narrow_terminal() -> None:
    text = printed(make_records(), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for word in ("58.3%", "49–67%", "base-few-shot", "538 MB", "+0.131", "±0.004", "2.53M"):
        assert word in text


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_methods_keep_their_names_and_marks_at_any_width(width: int) -> None:
    records = [make_record(label, seed=seed, learning_rate=rate) for seed in (0, 1) for label, rate in LABELS.items()]
    text = printed(records, width)
    assert max(map(len, text.splitlines())) <= width
    for label in LABELS:
        assert re.search(rf"^{label}( |$)", text, re.MULTILINE)
    assert "lora ≈" in text
    left_out = _HIDDEN.search(" ".join(text.split()))
    assert (left_out[1] if left_out else "") == {
        60: "Learning rate, Seeds, Lenient, seen/unseen, Checkpoint, Trainable",
        80: "Seeds, Lenient, seen/unseen, Trainable",
        100: "seen/unseen",
    }.get(width, "")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_only_columns_that_are_shown_are_explained(width: int) -> None:
    text = printed([make_record(label, seed=seed) for seed in (0, 1) for label in ("base", "lora")], width)
    left_out = _HIDDEN.search(" ".join(text.split()))
    hidden = left_out[1].split(", ") if left_out else []
    for column in ("Lenient", "seen/unseen", "Forgetting"):
        assert (f"{column}: " in text) == (column not in hidden)
    assert ("seen/unseen" in hidden) == (width == 60)


def test_rows_without_training_say_what_their_prompts_hold() -> None:
    method = MethodSpec(name="base-few-shot", label="2 shots", implementation="base", parameters={"shots": 2})
    records = [make_record("base"), make_record(method=method, learning_rate=None), make_record("lora")]
    note = (
        "Not trained, to compare with: base (the untouched base model); 2 shots (the untouched base model, 2 worked "
        "examples in each prompt)."
    )
    assert note in " ".join(printed(records).split())
    assert note in render_page(records, make_study())
    assert untrained_notes(rows_of([make_record("lora")])) == []


def test_parts_of_a_task_that_does_not_explain_them_point_to_its_page() -> None:
    task = TaskSpec(name="not-here", version="1", content_hash="0123456789abcdef")
    text = " ".join(printed([make_record(task=task)], 120).split())
    assert "seen/unseen: accuracy on parts of the test questions (see: paretune tasks not-here)." in text


def test_no_records_are_said_in_words() -> None:
    assert "No trial" in printed([])
    assert results_json([]) == {"rows": [], "notes": []}


def test_markup_in_labels_is_text() -> None:
    method = MethodSpec(name="x", label="[red]x[/red]\x1b[2J", implementation="peft")
    record = make_record(method=method, outcome=Failed(phase=Phase.TRAIN, error_type="E", message="[bold]m\nn"))
    text = printed([record], width=120)
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "failed in phase train: E: [bold]m n" in text


def test_rates_and_seeds_get_columns_where_there_are_several() -> None:
    text = printed([make_record(seed=seed, learning_rate=rate) for seed in (0, 1) for rate in (1e-3, 2e-2)], width=120)
    assert "Learning" in text
    assert "0.001" in text
    assert "0.02" in text
    assert "Seeds" in text
    assert "Learning" not in printed(make_records())


def test_learning_rates_get_a_column_where_methods_differ_in_them_and_say_what_they_were_tuned_from() -> None:
    records = [make_record("base"), make_record("lora", learning_rate=1e-3), make_record("oft", learning_rate=2e-2)]
    rows = {line.split()[0]: line for line in printed(records, width=160).splitlines() if "%" in line}
    assert "0.001" in rows["lora"]
    assert "0.02" in rows["oft"]
    assert "tuned from" not in "".join(rows.values())
    tuning = [make_record("lora", split="validation", learning_rate=10.0**-power) for power in range(2, 7)]
    rows = {line.split()[0]: line for line in printed([*records, *tuning], width=160).splitlines() if "%" in line}
    assert "0.001 tuned from 5" in rows["lora"]
    assert "tuned" not in rows["oft"] + rows["base"]
    page = render_page([*records, *tuning], make_study(methods=["base", "lora", "oft"]))
    assert '0.001<span class="extra">tuned from 5</span>' in page
    lora = results_json([*records, *tuning])["rows"][1]
    assert (lora["learning_rate"], lora["num_settings_tried"]) == (1e-3, 5)


def test_tasks_get_tables_of_their_own() -> None:
    other = make_record().trial.task.model_copy(update={"name": "sums"})
    text = printed([make_record(), make_record(task=other)])
    assert "word_problems, test split" in text
    assert "sums, test split" in text


def test_tasks_that_put_methods_into_another_order_are_noted() -> None:
    other = make_record().trial.task.model_copy(update={"name": "sums", "content_hash": "1"})
    labels = ("full", "lora", "ia3", "vera")
    alike = [make_record(label, task=task) for label in labels for task in (make_record().trial.task, other)]
    assert any("tau of 1.00 (p = 0.083" in note for note in results_json(alike)["notes"])
    assert not any("tau" in note for note in results_json(alike[:4])["notes"])


def test_json_keeps_the_order_and_says_what_is_missing_by_leaving_it_out() -> None:
    diverged = make_record(
        "oft", outcome=Diverged(step=2, loss=float("nan")), metrics={"train_loss": float("inf")}
    )  # fmt: skip
    value = json.loads(json.dumps(results_json([make_record("base"), make_record("lora"), diverged]), allow_nan=False))
    base, lora, oft = value["rows"]
    assert [row["method"] for row in value["rows"]] == ["base", "lora", "oft"]
    assert "train_peak_bytes" not in base["metrics"]
    assert lora["metrics"] == make_record("lora").metrics
    assert lora["intervals"]["accuracy"] == pytest.approx([0.396, 0.572], abs=1e-3)
    assert lora["pareto_front_costs"]
    assert oft["metrics"] == {"train_loss": "Infinity"}
    assert oft["outcome"] == {"kind": "diverged", "step": 2, "loss": "NaN"}
    assert "the learning rates were not tuned with the same budget" in value["notes"][0]


def test_departures_name_both_values() -> None:
    (row,) = rows_of([make_record(recipe=Recipe(steps=60))])
    assert departures(row, Recipe()) == {"steps": (40, 60)}
    assert departures(row, None) == {}
    untrained = MethodSpec(name="base", label="base", implementation="base")
    (base,) = rows_of([make_record(method=untrained, recipe=Recipe(steps=60, dtype="bfloat16"))])
    assert departures(base, Recipe(epochs=3)) == {"dtype": ("float32", "bfloat16")}


def test_seeds_widen_intervals_and_ties_are_marked() -> None:
    """Two methods that share their answers are tied; a third one that gets none right is not."""
    records = [make_record(label, seed=seed) for label in ("lora", "dora", "oft") for seed in (0, 1, 2)]

    def answers(record: Record) -> dict[str, float]:
        right = {"lora": 60, "dora": 60, "oft": 0}[record.trial.method.label]
        return {f"{place:03}": float((place + 40 * record.trial.seed) % 120 < right) for place in range(120)}

    value = json.loads(json.dumps(results_json(records, answers), allow_nan=False))
    standings = {row["method"]: row["standing"] for row in value["rows"]}
    assert [standings[name]["tied_for_best"] for name in ("lora", "dora", "oft")] == [True, True, False]
    assert standings["oft"]["place_interval"] == [3, 3]
    assert standings["lora"]["probability_best"] == pytest.approx(0.5, abs=0.1)
    assert standings["lora"]["quality_standard_errors"]["seeds"] is not None
    assert "over questions and seeds" in printed(records, 120, answers)
    assert "dora ≈" in printed(records, 120, answers)
    assert "oft ≈" not in printed(records, 120, answers)
    assert json.loads(json.dumps(results_json(records[::-1], answers)))["rows"][::-1] == value["rows"]
