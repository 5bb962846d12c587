import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Paretune


def test_a_study_ends_with_a_table_and_a_page(paretune: Paretune, study_file: Path, tmp_path: Path) -> None:
    done = paretune("run", study_file, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for word in ("base", "lora", "seed"):
        assert word in done.stdout
    assert "[2/2] ok" in done.stderr
    assert (tmp_path / "out" / "index.html").read_text().startswith("<!doctype html>")
    assert done.stdout.splitlines()[-1].endswith(f"paretune recommend {tmp_path / 'out'}")
    again = paretune("run", study_file, "--out", tmp_path / "out")
    assert again.returncode == 0
    assert again.stdout == done.stdout
    assert "start" not in again.stderr


def test_the_demo_on_a_toy(paretune: Paretune, tmp_path: Path) -> None:
    done = paretune("demo", "--model", "toy:llama", "--jobs", "2", "--share-devices", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert "[7/7] ok" in done.stderr
    assert "support no claim" in " ".join(done.stdout.split())
    assert "support no claim" in (tmp_path / "demo" / "index.html").read_text()
    rows = json.loads(paretune("results", tmp_path / "demo", "--json").stdout)["rows"]
    assert {row["method"] for row in rows} == {"base", "base-few-shot", "lora", "beft", "shira", "ia3", "ln-tuning"}
    assert all(0 <= row["metrics"]["accuracy"] <= 1 for row in rows)


def test_results_as_json_carry_every_row(paretune: Paretune, finished: Path) -> None:
    done = paretune("results", finished, "--json")
    assert done.returncode == 0
    value = json.loads(done.stdout)
    assert [row["method"] for row in value["rows"]] == ["base", "lora"]


def test_without_a_command_the_help_keeps_its_lines(paretune: Paretune) -> None:
    for words in ([], ["import"]):
        done = paretune(*words)
        assert done.returncode == 2
        assert "Commands:" in [line.strip() for line in done.stderr.splitlines()]
        assert "Traceback" not in done.stderr


def test_a_refused_trial_says_why_and_the_rest_runs(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "endings.jsonl"  # aLoRA finds out in its worker that the prompts end in different ways
    data.write_text("".join(f'{{"prompt": "say {n} {chr(97 + n % 26)}", "completion": "{n}"}}\n' for n in range(60)))
    common = ("run", "--model", "toy:llama", "--data", data, "--steps", "1")
    done = paretune(*common, "--methods", "base,alora", "--out", tmp_path / "out")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("paretune: alora: refused: ")
    assert "alora_invocation_tokens" in last
    assert "alora: refused: " in done.stdout
    alone = paretune(*common, "--methods", "alora", "--out", tmp_path / "alone")
    assert alone.returncode == 2
    assert alone.stderr.splitlines()[-1] == last


def test_ctrl_c_says_what_is_kept(
    study_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from paretune.cli.studies import RunOptions, run_and_show
    from paretune.execute import run as execution
    from paretune.spec import Study
    from tests.execute.stand_in import StandIn

    monkeypatch.setattr(execution, "LocalExecutor", StandIn(stop_after=1))
    study = Study.from_toml(study_file)
    assert run_and_show(study, tmp_path / "out", RunOptions(jobs=1, threads=1)) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert "1 finished trial is kept in" in last
    assert "re-run the same command" in last


def test_page_goes_where_it_is_told(paretune: Paretune, finished: Path, tmp_path: Path) -> None:
    done = paretune("page", finished, "-o", tmp_path / "p.html")
    assert done.returncode == 0
    assert (tmp_path / "p.html").stat().st_size > 10_000


def test_methods_and_tasks_as_json(paretune: Paretune) -> None:
    methods = {card["name"] for card in json.loads(paretune("methods", "--json").stdout)}
    assert {
        "base",
        "full",
        "lora",
        "rslora",
        "dora",
        "pissa",
        "lora-fa",
        "lora-plus",
        "adalora",
        "oft",
        "boft",
        "loha",
    } <= methods
    assert {
        "lokr",
        "ia3",
        "vera",
        "hra",
        "miss",
        "beft",
        "lily",
        "ln-tuning",
        "prompt-tuning",
        "prefix-tuning",
    } <= methods
    assert "word_problems" in {card["name"] for card in json.loads(paretune("tasks", "--json").stdout)}


def test_a_checkpoint_gives_the_study_s_figures_again(paretune: Paretune, finished: Path) -> None:
    (checkpoint,) = (finished / "adapters").iterdir()
    done = paretune("evaluate", checkpoint, "--task", "word_problems", "--limit", "8", "--forgetting", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["num_items"] == 8
    record = next(
        row for row in json.loads(paretune("results", finished, "--json").stdout)["rows"] if row["method"] == "lora"
    )
    assert value["metrics"]["forgetting"] == record["metrics"]["forgetting"]
    assert value["named_base_model"] == value["base_model"] == "toy:llama"


def test_a_study_without_a_file(paretune: Paretune, tmp_path: Path) -> None:
    data = tmp_path / "mine.jsonl"
    rows = [{"prompt": f"Say {number}: ", "completion": f"{number}"} for number in range(60)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--model", "toy:llama", "--methods", "base,ia3", "--data", data, "--steps", "3"]
    done = paretune("run", *options, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "ia3" in done.stdout


HEAVY = (
    *("torch", "transformers", "peft", "diffusers", "accelerate", "pyarrow", "duckdb", "pandas", "numpy", "scipy"),
    *("altair", "optuna", "moocore", "jinja2", "huggingface_hub", "math_verify", "PIL"),
)
"""What takes most of a second to import, together or alone; the help needs none of it."""


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys\ntry:\n"
        "  from paretune.cli import main; sys.argv=['paretune','--help']; main()\n"
        "except SystemExit: pass\n"
    )
    heavy = f"print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", probe + heavy], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_pure_layers_do_not_import_torch() -> None:
    probe = (
        "import sys, paretune.spec, paretune.store, paretune.analysis, paretune.report; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_results_need_no_torch(paretune: Paretune, finished: Path, tmp_path: Path) -> None:
    """Someone who was sent a folder can look at it."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    probe = "import sys; sys.modules['torch'] = None; sys.argv = ['paretune', 'results', sys.argv[1]]\n"
    probe += "from paretune.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", probe, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
