"""`results --at` and `--gpu` as a person meets them."""

import json
from pathlib import Path

from tests.cli.conftest import Paretune


def test_the_plan_on_another_model_and_card(paretune: Paretune, finished: Path) -> None:
    done = paretune("results", finished, "--at", "Llama-3.2-3B", "--gpu", "h100", "--price", "2.5/h")
    assert done.returncode == 0
    assert "The same plan on Llama-3.2-3B with one H100: about " in done.stdout
    assert " at 2.50 an hour" in done.stdout
    assert "10% to 30% of its peak, 989 TFLOP/s" in " ".join(done.stdout.split())
    found = json.loads(paretune("results", finished, "--at", "Llama-3.2-3B", "--gpu", "h100", "--json").stdout)[
        "projection"
    ]
    assert (found["model"], found["gpu"]) == ("meta-llama/Llama-3.2-3B", "h100")
    assert found["seconds"]["low"] <= found["seconds"]["middle"] <= found["seconds"]["high"]
    assert found["flops_ratio"] > 1000
    assert "projection" not in json.loads(paretune("results", finished, "--json").stdout)


def test_what_is_unknown_is_one_line(paretune: Paretune, finished: Path) -> None:
    for words, said in (
        (["--at", "Llama-3.2-33B"], 'no bundled config of that name (did you mean "Llama-3.2-3B"?)'),
        (["--gpu", "h101"], '--gpu: no GPU "h101" (did you mean "h100"?)'),
        (["--gpu", "t4"], "--gpu: t4 has no products in bfloat16"),
    ):
        done = paretune("results", finished, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
