import json
from pathlib import Path

from tests.cli.conftest import Paretune
from tests.store.peft_results import maths_result


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


def test_what_is_no_comparison_gets_one_line(paretune: Paretune, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    for source in (tmp_path, tmp_path / "nowhere"):
        done = paretune("import", "peft-comparison", source, "-o", tmp_path / "in")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
