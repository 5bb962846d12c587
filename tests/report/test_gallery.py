import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from paretune.analysis import rows_of
from paretune.report.html.gallery import gallery_section
from paretune.report.html.page import PageSources, render_page
from paretune.spec import InputError, Record, Study
from paretune.store import Item, KeptPicture, Store
from tests.records import make_record


def webp(shade: int) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(sink, "WEBP", lossless=True)
    return sink.getvalue()


def kept(shade: int, caption: str = "a zib on navy") -> list[KeptPicture]:
    return [
        KeptPicture("train", "a zib on white", 0, None, None, webp(1)),
        KeptPicture("target", caption, 0, None, None, webp(2)),
        *(KeptPicture("answer", caption, 0, noise, 0.5, webp(shade + noise)) for noise in range(3)),
        KeptPicture("gallery", caption, 0, 0, None, webp(shade + 10)),
        KeptPicture("drift", "a red car", 0, 0, 0.25, webp(shade + 11)),
        KeptPicture("base", "a red car", 0, 0, None, webp(9)),
    ]


def image_record(label: str, similarity: float, **changes: Any) -> Record:
    record = make_record(label)
    task = record.trial.task.model_copy(update={"name": "image_concept", "options": {"judge": "hub:some/judge@main"}})
    metrics = {"similarity": similarity, "drift": 0.1}
    trial = record.trial.model_copy(update={"task": task})
    return record.model_copy(
        update={"trial": trial, "trial_id": trial.id, "metrics": metrics, "groups": {}, "num_items": 6, **changes}
    )


@pytest.fixture
def records() -> list[Record]:
    return [image_record("base", 0.4), image_record("lora", 0.7), image_record("oft", 0.6)]


def test_base_and_best_are_chosen_and_every_picture_is_inside(records: list[Record]) -> None:
    shades = {"base": 20, "lora": 60, "oft": 100}
    html = gallery_section(rows_of(records), lambda record: kept(shades[record.trial.method.label]))
    assert html.count('<option value="0" selected>base (similarity 0.400, drift 0.100)') == 1
    assert html.count('<option value="1" selected>lora (similarity 0.700, drift 0.100)') == 1
    for shade in (60, 61, 70, 71):
        assert base64.b64encode(webp(shade)).decode() in html
    assert base64.b64encode(webp(62)).decode() not in html, "two noises of a caption are shown"
    assert "hub:some/judge@main" in html
    assert 'title="similarity 0.500"' in html
    assert 'title="drift 0.250"' in html
    assert "http" not in html


def test_captions_are_escaped(records: list[Record]) -> None:
    html = gallery_section(rows_of(records), lambda record: kept(20, '<script>alert("x")</script>'))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_page_with_too_many_pictures_shows_fewer(records: list[Record], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paretune.report.html.gallery.MOST_BYTES", 10)
    html = gallery_section(rows_of(records), lambda record: kept(20))
    assert "Captions for the gallery" in html
    assert "Compared with" not in html


def test_a_page_without_pictures_has_no_gallery(records: list[Record]) -> None:
    study = Study.read({"name": "x", "methods": ["base", "lora", "oft"]}, "the test")
    assert "Generated images" not in render_page(records, study)
    page = render_page(records, study, PageSources(pictures=lambda record: kept(20)))
    assert page.count('class="gallery"') == 1
    assert "Similarity and drift are cosines of features of hub:some/judge@main" in page


def test_pictures_and_scores_come_back_from_a_store(tmp_path: Path) -> None:
    store, record = Store(tmp_path), image_record("lora", 0.7)
    items = [Item(f"a.png/{noise}", "all", {"similarity": 0.5 + noise / 10}, "a zib", "a.png") for noise in range(6)]
    store.append(record, items, kept(20))
    assert store.pictures(record) == kept(20)
    scores = store.scores(record)
    assert scores is not None
    assert scores == {item.item_id: item.scores["similarity"] for item in items}
    assert store.items(record) == items
    assert store.pictures(image_record("oft", 0.6)) == []
    (store.pictures_folder(record) / "answer-00-1.webp").unlink()
    with pytest.raises(InputError, match=r"answer-00-1\.webp: cannot be read"):
        store.pictures(record)
    (store.pictures_folder(record) / "index.json").write_text('[{"kind": "photo"}]')
    with pytest.raises(InputError, match=r"index\.json: damaged"):
        store.pictures(record)
