"""Images of one's own, in every form in which people have them, and one clear line for what cannot be used."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paretune.spec import IMAGE_TEXT, InputError
from paretune.tasks import Example
from paretune.tasks.data.wanted import SPLITS
from paretune.tasks.own_data import OwnData
from tests.tasks.data.images import NUM_IMAGES, image, image_folder


def task_of(path: Path, column: str = "image", **options: Any) -> OwnData:
    return OwnData({"path": str(path), "image_column": column, **options})


def examples(task: OwnData) -> dict[str, Example]:
    """Return all examples by their places."""
    return {one.id: one for split in SPLITS for one in task.examples(split)}


def shown(task: OwnData) -> dict[bytes, tuple[str, str]]:
    """Return prompt and target of each image."""
    return {one.picture or b"": (one.prompt, one.target) for one in examples(task).values()}


def json_lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def questions(folder: Path, number: int = NUM_IMAGES) -> list[dict[str, Any]]:
    """Write images next to data, and return rows that ask about them."""
    (folder / "photos").mkdir()
    for n in range(number):
        (folder / "photos" / f"{n}.png").write_bytes(image(n))
    return [{"image": f"photos/{n}.png", "question": "Which number?", "answer": n} for n in range(number)]


ASKED = {image(n): ("Which number?", str(n)) for n in range(NUM_IMAGES)}


def test_paths_in_a_table_and_in_json_lines(tmp_path: Path) -> None:
    rows = questions(tmp_path)
    with (tmp_path / "data.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    of_table, of_lines = task_of(tmp_path / "data.csv"), task_of(json_lines(tmp_path / "data.jsonl", rows))
    assert shown(of_table) == shown(of_lines) == ASKED
    assert of_table.kind == of_table.spec().kind == IMAGE_TEXT
    assert of_lines.rows.form == "image (image), prompt (question) and completion (answer)"
    assert of_lines.rows.split_by == "the hash of the image's file"


@pytest.mark.parametrize("path", [None, "/elsewhere/0.png"])
def test_files_in_parquet_as_datasets_writes_them(tmp_path: Path, path: str | None) -> None:
    rows: list[dict[str, Any]] = [
        {"image": {"bytes": image(n), "path": path}, "question": "Which number?", "answer": n} for n in range(40)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "structs.parquet")
    assert shown(task_of(tmp_path / "structs.parquet")) == ASKED
    nested = [{"row": {"photo": row["image"]["bytes"]}, **row, "image": None} for row in rows]
    pq.write_table(pa.Table.from_pylist(nested), tmp_path / "bytes.parquet")
    assert shown(task_of(tmp_path / "bytes.parquet", "row.photo")) == ASKED


def test_a_folder_of_images_with_captions(tmp_path: Path) -> None:
    task = task_of(image_folder(tmp_path / "photos"), "file_name")
    assert shown(task)[image(3)] == ("Describe the image.", "a square of the colour 3")
    assert task.rows.form == "image (file_name), prompt ('Describe the image.') and completion (text)"
    (example, *_) = task.examples("test")
    assert [turn.content for turn in example.messages] == ["Describe the image.", example.target]
    asked = task_of(tmp_path / "photos", "file_name", image_prompt="caption en")
    assert {prompt for prompt, _ in shown(asked).values()} == {"caption en"}
    assert asked.content_hash != task.content_hash


def test_captions_are_scored_by_f1_unless_a_metric_is_named(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "d")
    for options, metrics in (({}, ["f1", "exact_match"]), ({"metric": "contains"}, ["contains"])):
        task = task_of(folder, "file_name", **options)
        task.fit_options()
        assert task.options["metric"] == metrics
    asked = task_of(image_folder(tmp_path / "q", question=str, answer=str), "file_name")
    asked.fit_options()
    assert asked.options["metric"] == ["exact_match"]


def test_folders_of_a_split_each_hold_their_own_images(tmp_path: Path) -> None:
    for number, split in enumerate(("train", "validation", "test")):
        (tmp_path / split).mkdir()
        (tmp_path / split / "1.png").write_bytes(image(number))
        json_lines(tmp_path / split / "metadata.jsonl", [{"file_name": "1.png", "text": split}])
    found = task_of(tmp_path, "file_name")
    assert {split: found.examples(split)[0].picture for split in SPLITS} == {
        split: image(number) for number, split in enumerate(SPLITS)
    }


@pytest.mark.parametrize(
    ("columns", "options", "form"),
    [
        ({"caption": str, "note": str}, {}, "prompt ('Describe the image.') and completion (caption)"),
        ({"note": str}, {"completion": "note"}, "prompt ('Describe the image.') and completion (note)"),
        ({"note": str}, {"text": "note"}, "prompt ('Describe the image.') and completion (note)"),
        ({"label": lambda n: "ab"[n % 2]}, {}, "text ('What does the image show?') and label (label)"),
        ({"kind": lambda n: "ab"[n % 2]}, {"label": "kind"}, "text ('What does the image show?') and label (kind)"),
        ({"text": str, "label": lambda n: "ab"[n % 2]}, {}, "text (text) and label (label)"),
        ({"question": str, "kind": str}, {"label": "kind"}, "text (question) and label (kind)"),
        ({"input": str, "note": str}, {"completion": "note"}, "prompt (input) and completion (note)"),
        (
            {"title": str, "note": str},
            {"prompt": "title", "completion": "note"},
            "prompt (title) and completion (note)",
        ),
        ({"question": str, "caption": str}, {}, "prompt (question) and completion (caption)"),
        (
            {"question": str, "choices": lambda _: ["x", "y"], "answer": lambda n: n % 2},
            {},
            "question (question), answers to choose from (choices) and the right one (answer, a letter or an index "
            "from 0)",
        ),
    ],
)
def test_what_the_columns_are_taken_for(
    tmp_path: Path, columns: dict[str, Any], options: dict[str, str], form: str
) -> None:
    task = task_of(image_folder(tmp_path / "d", **columns), "file_name", **options)
    assert task.rows.form == f"image (file_name), {form}"
    assert len(shown(task)) == NUM_IMAGES


PLACE = {"type": "image", "text": None}


@pytest.mark.parametrize(
    "asked",
    ["<image>\nWhat is it?", "What is it?\n<image>", [PLACE, {"type": "text", "text": "What is it?"}], "What is it?"],
)
def test_the_place_of_an_image_in_messages_is_no_text(tmp_path: Path, asked: Any) -> None:
    folder = image_folder(
        tmp_path / "d",
        messages=lambda n: [{"role": "user", "content": asked}, {"role": "assistant", "content": f"{n}"}],
    )
    task = task_of(folder, "file_name")
    example = next(one for one in examples(task).values() if one.picture == image(7))
    assert [turn.content for turn in example.messages] == ["What is it?", "7"]
    assert example.prompt == "User: What is it?\n\nAssistant:"


def test_where_messages_hold_nothing_but_the_image_the_usual_question_is_asked(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "<image>"}, {"from": "gpt", "value": "A square."}]
    task = task_of(image_folder(tmp_path / "d", conversations=lambda _: turns), "file_name")
    assert {one.messages[0].content for one in examples(task).values()} == {"Describe the image."}


def test_no_image_is_in_two_splits_and_the_same_row_counts_once(tmp_path: Path) -> None:
    rows = questions(tmp_path)
    rows += [{**row, "question": "Which colour?"} for row in rows] + rows[:5]
    (tmp_path / "photos" / "copy.png").write_bytes(image(0))
    rows.append({"image": "photos/copy.png", "question": "What else?", "answer": 0})
    task = task_of(json_lines(tmp_path / "data.jsonl", rows))
    pictures = [{one.picture for one in task.examples(split)} for split in SPLITS]
    assert sum(map(len, pictures)) == len(set.union(*pictures)) == NUM_IMAGES
    assert len(examples(task)) == 2 * NUM_IMAGES + 1
    (dropped,) = task.rows.dropped
    assert (dropped.reason, dropped.num_rows) == ("the same as an earlier row", 5)


def test_what_an_image_holds_is_part_of_the_data_and_where_it_lies_is_not(tmp_path: Path) -> None:
    first, other = image_folder(tmp_path / "first"), image_folder(tmp_path / "other")
    assert task_of(first, "file_name").spec().identity == task_of(other, "file_name").spec().identity
    (other / "3.png").write_bytes(image(300))
    assert task_of(first, "file_name").content_hash != task_of(other, "file_name").content_hash


def test_a_task_without_images_is_what_it_was(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "d.jsonl", [{"prompt": f"p {n}", "completion": "c"} for n in range(40)])
    spec = OwnData({"path": str(path)}).spec()
    assert not {"image_column", "image_prompt"} & spec.options.keys()
    assert spec.content_hash == "29865aa3d555e4e9"


def test_the_report_says_how_large_the_images_are(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "d")
    (folder / "1.png").write_bytes(image(1, (2, 3)))
    (folder / "2.png").write_bytes(large := image(2, (30, 20), "JPEG", exif=_on_its_side()))
    (folder / "3.png").write_bytes(image(4))
    found = task_of(folder, "file_name").rows.images
    assert found is not None
    assert (found.num_different, found.smallest, found.median, found.largest) == (39, (2, 3), (8, 6), (20, 30))
    assert found.num_bytes == len(large) + len(image(1, (2, 3))) + sum(
        len(image(n)) for n in range(40) if n > 3 or n < 1
    )


def _on_its_side() -> Any:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def test_a_row_without_an_image_is_not_used(tmp_path: Path) -> None:
    rows = questions(tmp_path)
    rows[0]["image"], rows[1]["image"], rows[2]["image"] = None, "", ["photos/2.png"]
    task = task_of(json_lines(tmp_path / "data.jsonl", rows))
    (dropped,) = task.rows.dropped
    assert (dropped.reason, dropped.first) == ("no image", ("row 1", "row 2"))
    assert examples(task)["row 3"].picture == image(2)


def truncated() -> bytes:
    return image(1, (64, 64), "JPEG")[:-40]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("absent.png", "no image '{folder}/absent.png': no such file"),
        ("photos", "no image '{folder}/photos': no such file"),
        ("pipe", "no image '{folder}/pipe': no such file"),
        ("a\0b", "no image '{folder}/a b': no such file"),
        ("x" * 300, "File name too long"),
        ("../secret.png", "'../secret.png' must be a path inside {folder}, relative to it"),
        ("/etc/passwd", "'/etc/passwd' must be a path inside {folder}, relative to it"),
        ("link.png", "'link.png' is a link that leads out of {folder}"),
        ("https://example.org/a.png", "'https://example.org/a.png' is an address"),
        ("data.jsonl", "'data.jsonl': cannot be read as an image: it is none of PNG, JPEG, WEBP, GIF"),
        ("page.eps", "'page.eps': cannot be read as an image: it is none of PNG"),
        ("cut.jpg", "'cut.jpg': cannot be read as an image: image file is truncated"),
        ("bomb.png", "'bomb.png': cannot be read as an image: Image size (250000000 pixels) exceeds limit"),
        ("large.png", "'large.png': cannot be read as an image: Image size (121000000 pixels) exceeds limit"),
        (["photos/1.png", "photos/2.png"], "2 images in one row; one is shown with each question"),
        ('["photos/1.png", "photos/2.png"]', "2 images in one row"),
        (7, "holds neither the bytes nor the path of an image file"),
        ({"bytes": "iVBORw0KGgo=", "path": None}, "holds neither the bytes nor the path of an image file"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, value: Any, said: str) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = questions(folder)
    rows[4]["image"] = value
    os.mkfifo(folder / "pipe")
    (tmp_path / "secret.png").write_bytes(image(1))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "page.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    (folder / "cut.jpg").write_bytes(truncated())
    for name, side in (("bomb.png", 25000), ("large.png", 11000)):
        (folder / name).write_bytes(_claims(side, 10000 if side > 20000 else side))
    path = json_lines(folder / "data.jsonl", rows)
    with pytest.raises(InputError) as caught:
        task_of(path).examples("train")
    assert str(caught.value).startswith(f'{path}: row 5, column "image": ')
    assert said.format(folder=folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def _claims(width: int, height: int) -> bytes:
    """Return a small PNG whose header says that it is large."""
    import zlib

    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    whole = bytearray(image(1))
    whole[12:33] = header + zlib.crc32(header).to_bytes(4, "big")
    return bytes(whole)


def test_all_rows_with_unusable_images_are_named(tmp_path: Path) -> None:
    rows = questions(tmp_path)
    for place in (3, *range(20, 34)):
        rows[place]["image"] = "absent.png"
    with pytest.raises(InputError, match=r"row 4, .*; likewise row 21, row 22, .*, row 30 and 4 more$"):
        task_of(json_lines(tmp_path / "data.jsonl", rows)).examples("train")


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "<image> or <image>?"}, {"role": "assistant", "content": "Yes"}],
        [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "<image>"}],
    ],
)
def test_a_mark_that_stands_for_no_image_is_refused(tmp_path: Path, messages: Any) -> None:
    folder = image_folder(tmp_path / "d", messages=lambda _: messages)
    with pytest.raises(InputError, match=f"{folder}: metadata.jsonl row 1: <image> stands for the one image of a row"):
        task_of(folder, "file_name").examples("train")


def test_columns_and_options_that_do_not_go_together(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "d", question=str, answer=str)
    with pytest.raises(
        InputError, match=r'no column "filename", the option image_column \(did you mean "file_name"\?\)'
    ):
        task_of(folder, "filename").examples("train")
    with pytest.raises(InputError, match="option image_prompt: the column question asks already"):
        task_of(folder, "file_name", image_prompt="What?").examples("train")
    with pytest.raises(InputError, match="option image_prompt: name the column of the images with image_column"):
        OwnData({"path": "never-read.jsonl", "image_prompt": "What?"})
    with pytest.raises(InputError, match="--text names question,answer; what an image shows is in one column"):
        task_of(folder, "file_name", text="question,answer").examples("train")
    with pytest.raises(InputError, match="which column says what an image shows"):
        task_of(image_folder(tmp_path / "n", note=str), "file_name").examples("train")


def test_a_file_that_changes_after_it_was_read_is_noticed(tmp_path: Path) -> None:
    task = task_of(image_folder(tmp_path / "d"), "file_name")
    rows = task.examples("train")
    for n in range(NUM_IMAGES):
        (tmp_path / "d" / f"{n}.png").write_bytes(image(500))
    with pytest.raises(InputError, match=r"\.png changed since the data was read; run the study again"):
        list(rows)


def test_images_of_the_hub_are_read_as_files(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [{"image": {"bytes": image(n), "path": f"{n}.png"}, "question": "q", "answer": str(n)} for n in range(40)]
    features = datasets.Features(
        image=datasets.Image(), question=datasets.Value("string"), answer=datasets.Value("string")
    )
    loaded = {"train": datasets.Dataset.from_list(rows, features=features)}
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: loaded)
    task = OwnData({"path": "hf:owner/photos@main", "image_column": "image"})
    assert shown(task) == {image(n): ("q", str(n)) for n in range(40)}
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: {"train": _by_path(datasets, features)})
    with pytest.raises(InputError, match=r"train row 1, .*'/etc/0\.png' is a path, and of a data set on the hub"):
        OwnData({"path": "hf:owner/photos@main", "image_column": "image"}).examples("train")


def _by_path(datasets: Any, features: Any) -> Any:
    rows = [{"image": {"bytes": None, "path": f"/etc/{n}.png"}, "question": "q", "answer": "a"} for n in range(4)]
    return datasets.Dataset.from_list(rows, features=features)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
def test_images_in_usual_forms_that_are_cut_off_never_pass_unnoticed(tmp_path: Path, form: str) -> None:
    from PIL import Image

    noise = Image.frombytes("RGB", (32, 32), bytes((7 * n * n) % 251 for n in range(32 * 32 * 3)))
    sink = io.BytesIO()
    noise.save(sink, form)
    folder = image_folder(tmp_path / "d")
    (folder / "0.png").write_bytes(sink.getvalue())
    assert len(shown(task_of(folder, "file_name"))) == NUM_IMAGES
    (folder / "0.png").write_bytes(sink.getvalue()[: len(sink.getvalue()) // 2])
    with pytest.raises(InputError, match=r"row 1, .*'0\.png': cannot be read as an image: "):
        task_of(folder, "file_name").examples("train")
