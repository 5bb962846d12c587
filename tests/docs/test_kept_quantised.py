"""The study of quantised bases: what its README says is what its records hold."""

import re
from pathlib import Path
from statistics import fmean

import paretune

KEPT = Path(__file__).parents[2] / "docs" / "examples" / "quantised-smollm2"
LABELS = {"OFT": "oft", "rsLoRA": "rslora", "DoRA": "dora", "MiSS": "miss", "IA3": "ia3", "LN tuning": "ln-tuning",
          "RoAd": "road", "LoRA": "lora", "BOFT (queries and values only)": "boft"}  # fmt: skip


def test_the_table_is_that_of_the_records() -> None:
    found: dict[str, list[float]] = {}
    losses: dict[str, float] = {}
    for record in paretune.load_records(KEPT):
        assert record.outcome.kind == "ok"
        label = record.trial.method.label
        if "accuracy" in record.metrics:
            found.setdefault(label, []).append(100 * record.metrics["accuracy"])
        elif record.trial.method.trains:
            losses[label] = min(losses.get(label, 1e9), record.metrics["validation_loss"])
    rows = re.findall(
        r"^\| ([^|]+) \| ([\d.]+)%, ([\d.]+)%, ([\d.]+)% \|", (KEPT / "README.md").read_text("utf-8"), re.MULTILINE
    )
    assert {method for method, *_ in rows} == LABELS.keys()
    for method, *accuracies in rows:
        name = LABELS[method]
        seeds = [found[f"{name} {form}"] for form in ("float32", "NF4", "int8")]
        assert [len(one) for one in seeds] == [3, 3, 3]
        assert accuracies == [f"{fmean(one):.1f}" for one in seeds]
        assert losses[f"{name} NF4"] < losses[f"{name} float32"] + 0.1, "weights were read in another order"
