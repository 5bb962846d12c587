"""What is shown of imported results: their own values, marked, and both clocks."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from paretune.interop.importers import import_peft_comparison
from paretune.report import results_summary
from paretune.report.html.page import render_page
from paretune.store import Store, load_records
from tests.outside import PUBLISHED, needs_published

pytestmark = needs_published


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The page of each of their tasks as text without markup."""
    found = {}
    for done in import_peft_comparison(PUBLISHED, tmp_path_factory.mktemp("pages")):
        study = Store(done.folder).study()
        assert study is not None
        html = render_page(load_records(done.folder), study).partition('<script type="application/json"')[0]
        found[done.folder.name] = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))
    return found


def test_pages_show_what_their_task_is_about_and_mark_it_as_imported(shown: dict[str, str]) -> None:
    maths, images = shown["peft-metamathqa"], shown["peft-image-gen"]
    assert "Accuracy against cost" in maths
    assert "Similarity against cost" in images
    for page in (maths, images):
        assert "Imported from peft&#39;s method comparison: not measured by Paretune." in page
        assert "support no claim" in page
    assert "Drift" in images
    assert "14 of 63 rows move five places or more" in maths
    assert "1.18 to 2.09 times" in maths


def test_pages_claim_no_setting_that_the_source_does_not_state(shown: dict[str, str]) -> None:
    for page in shown.values():
        assert "weight_decay" in page
        for row in ("temperature 0.0", "memory_steps 2", "memory_answer_batch_size 8"):
            assert row not in page
    assert "data_order as_listed" in shown["peft-metamathqa"]
    assert "data_order" not in shown["peft-image-gen"]
    assert "≈" not in shown["peft-image-gen"], "no intervals, so no ties"
    assert "not audited here" in shown["peft-metamathqa"]


def test_imported_rows_of_methods_that_fail_their_audit_are_marked(shown: dict[str, str]) -> None:
    for page, label in (("peft-metamathqa", "lily rank896-a2-b2-s2.0"), ("peft-image-gen", "lily")):
        assert f" {label} † " in shown[page]
        note = re.search(rf"† {re.escape(label)}: (.*?), not by the source\.", shown[page])
        assert note is not None
        assert "An answer depends on other items in the batch" in note[1]
        assert "Found by Paretune&#39;s audit 1 of" in note[1]
        assert " lora † " not in shown[page]
        assert "with batch size 1" not in shown[page]


def test_the_table_has_columns_for_their_figures(tmp_path: Path) -> None:
    for done in import_peft_comparison(PUBLISHED, tmp_path):
        console = Console(width=120, record=True, file=io.StringIO())
        console.print(results_summary(load_records(done.folder)))
        text = console.export_text()
        assert ("Similarity" in text) == (done.folder.name == "peft-image-gen")
        assert ("≈" in text) == (done.folder.name == "peft-metamathqa")
        assert "◆" in text
        assert "Learning" in text.splitlines()[1], "their methods have learning rates of their own"


def test_a_figure_without_an_interval_is_shown_alone(tmp_path: Path) -> None:
    done = next(done for done in import_peft_comparison(PUBLISHED, tmp_path) if done.folder.name == "peft-image-gen")
    records = load_records(done.folder)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(results_summary(records))
    text = console.export_text()
    for record in records:
        figure = f"{record.metrics['similarity']:.3f}"
        label = re.escape(record.trial.method.label)
        assert re.search(rf"^{label}( [◆†]+)* +[\d.e-]+ +{figure} +[\d.]+ GB", text, re.MULTILINE)
