import json
from pathlib import Path

from tests.cli.conftest import Paretune
from tests.interop.peft_results import maths_result


def test_results_go_in_are_shown_and_come_out_again(paretune: Paretune, tmp_path: Path) -> None:
    source = tmp_path / "method_comparison" / "MetaMathQA" / "results"
    source.mkdir(parents=True)
    (source / "lora--llama-3.2-3B-rank32.json").write_text(json.dumps(maths_result()))
    done = paretune("import", "peft-comparison", tmp_path / "method_comparison", "-o", tmp_path / "in")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 results imported" in done.stdout
    shown = paretune("results", tmp_path / "in" / "peft-metamathqa")
    assert "lora rank32" in shown.stdout
    assert "not measured by Paretune" in shown.stdout.replace("\n", " ")
    page = paretune("page", tmp_path / "in" / "peft-metamathqa")
    assert page.returncode == 0, page.stderr
    out = paretune("export", "peft-comparison", tmp_path / "in" / "peft-metamathqa", "-o", tmp_path / "out")
    assert out.returncode == 0, out.stderr
    written = tmp_path / "out" / "MetaMathQA" / "results" / "lora--llama-3.2-3B-rank32.json"
    assert json.loads(written.read_text()) == maths_result()


def test_each_folder_written_to_is_counted(paretune: Paretune, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    failed = maths_result(train_info__status="canceled", run_info__experiment_name="lora/b", run_info__error_msg="no")
    for name, value in {"a": maths_result(), "b": failed}.items():
        (source / f"{name}.json").write_text(json.dumps(value))
    paretune("import", "peft-comparison", source, "-o", tmp_path / "in")
    out = paretune("export", "peft-comparison", tmp_path / "in" / "peft-metamathqa", "-o", tmp_path / "out")
    written = " ".join(out.stdout.split())
    for name in ("results", "cancelled_results"):
        assert f"1 results written to {tmp_path / 'out' / 'MetaMathQA' / name}" in written


def test_what_is_no_comparison_gets_one_line(paretune: Paretune, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    for source in (tmp_path, tmp_path / "nowhere"):
        done = paretune("import", "peft-comparison", source, "-o", tmp_path / "in")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


def test_peft_experiments_run_with_other_model_and_data(paretune: Paretune, tmp_path: Path) -> None:
    root = tmp_path / "MetaMathQA"
    folder = root / "experiments" / "ia3" / "llama-3.2-3B-default"
    folder.mkdir(parents=True)
    (root / "default_training_params.json").write_text(json.dumps(maths_result()["run_info"]["train_config"]))
    (folder / "adapter_config.json").write_text('{"peft_type": "IA3", "target_modules": null}')
    rows = [{"question": f"Ann has {n}. How many?", "answer": f"#### {n}"} for n in range(40)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "test.jsonl").write_text(json.dumps(rows[0] | {"question": "And Ben?"}) + "\n")
    data = [f"{name}={tmp_path / 'train.jsonl'}" for name in ("train", "validation")]
    options = [*data, f"test={tmp_path / 'test.jsonl'}", "validation_size=4", "max_new_tokens=4"]
    given = [word for option in options for word in ("--task-option", option)]
    arguments = ["--experiments", root, "--model", "toy:llama", "--steps", 2, "--general-text", "built-in", *given]
    done = paretune("run", *map(str, arguments), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "ia3" in done.stdout
    wrong = paretune("run", "--experiments", root, "--methods", "lora")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    wrong = paretune("run", "--methods", "lora", "--task-option", "test_size")
    assert "NAME=VALUE" in wrong.stderr
    (folder / "training_params.json").write_text('{"use_amp": true}')
    wrong = paretune("run", "--experiments", root, "--plan")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert "training_params.json: use_amp = true" in wrong.stderr
