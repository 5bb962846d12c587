"""What a person can mend ends a study with one line that says how."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paretune.execute.check import check_trials
from paretune.execute.plan import plan
from paretune.execute.trial import Finished, run_trial
from paretune.spec import InputError, Refused, Study
from paretune.tasks import get_any_task, get_task, open_picture
from tests.methods.real_path import Silent


def study(**values: Any) -> Study:
    return Study.read({"name": "x", "base_model": "shipped:drawings", "methods": ["base"], **values}, "the test")


def with_options(**options: Any) -> dict[str, Any]:
    return {"tasks": [{"name": "image_concept", "options": options}]}


@pytest.fixture
def folder(tmp_path: Path, picture_bytes: Callable[..., bytes]) -> Path:
    rows = []
    for number in range(5):
        (tmp_path / f"{number}.png").write_bytes(picture_bytes(number))
        rows.append(json.dumps({"file_name": f"{number}.png", "text": f"picture {number}"}))
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows))
    return tmp_path


SMALL = {"validation_size": 1, "test_size": 2}


def test_splits_share_no_picture_and_follow_the_seed(folder: Path) -> None:
    options = {"pictures": str(folder), **SMALL}
    task = get_any_task("image_concept", options)
    names = [one.id for split in ("train", "validation", "test") for one in task.pictures(split)]  # type: ignore[attr-defined]
    assert sorted(names) == [f"{number}.png" for number in range(5)]
    assert get_any_task("image_concept", options).content_hash == task.content_hash
    assert get_any_task("image_concept", {**options, "split_seed": 1}).content_hash != task.content_hash
    assert get_any_task("image_concept", {**options, "judge": "hub:a/b@main"}).content_hash != task.content_hash


def test_pictures_from_parquet_are_those_of_the_folder(
    tmp_path: Path, picture_bytes: Callable[..., bytes]
) -> None:  # fmt: skip
    import pyarrow as pa
    import pyarrow.parquet

    rows = [{"image": {"bytes": picture_bytes(number), "path": None}} for number in range(5)]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    options = {"pictures": str(tmp_path / "data.parquet"), "captions": [f"c{number}" for number in range(5)], **SMALL}
    task: Any = get_any_task("image_concept", options)
    found = {one.caption: one.data for split in ("train", "validation", "test") for one in task.pictures(split)}
    assert found == {f"c{number}": picture_bytes(number) for number in range(5)}
    with pytest.raises(InputError, match="no picture in column"):
        get_any_task("image_concept", {**options, "image_column": "photo"}).spec()


def test_missing_pictures(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent: no such folder"):
        plan(study(**with_options(pictures=str(tmp_path / "absent"))))
    with pytest.raises(InputError, match="5 pictures, of which validation and test take 10"):
        plan(study(**with_options(pictures=str(folder))))
    with pytest.raises(InputError, match="5 pictures, but 2 captions"):
        plan(study(**with_options(pictures=str(folder), captions=["a", "b"], **SMALL)))
    (folder / "3.png").unlink()
    with pytest.raises(InputError, match=r"3\.png: cannot be read"):
        plan(study(**with_options(pictures=str(folder), **SMALL)))
    (folder / "metadata.jsonl").unlink()
    with pytest.raises(InputError, match=r"no metadata\.jsonl in it, and the option captions is not given"):
        plan(study(**with_options(pictures=str(folder), **SMALL)))
    with pytest.raises(InputError, match=r"there is shipped:mov, shipped:zib"):
        plan(study(**with_options(pictures="shipped:zob")))


def test_a_picture_that_is_there_twice(folder: Path) -> None:
    (folder / "4.png").write_bytes((folder / "0.png").read_bytes())
    with pytest.raises(InputError, match=r"4\.png is the same picture as 0\.png"):
        plan(study(**with_options(pictures=str(folder), **SMALL)))


def test_a_damaged_picture(folder: Path) -> None:
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:200])
    task: Any = get_any_task("image_concept", {"pictures": str(folder), **SMALL})
    rows = [one for split in ("train", "validation", "test") for one in task.pictures(split)]
    (broken,) = (one for one in rows if one.id == "2.png")
    with pytest.raises(InputError, match=r"picture 2\.png cannot be read: .*; replace it or take it out"):
        open_picture(broken, "the task")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("samples_per_prompt", 0, "a whole number of at least 1"),
        ("drift_captions", ["one"], "a list of at least 2 texts"),
        ("gallery_captions", ["a", "a"], "no text is there twice"),
        ("judge", "", "must be text"),
        ("captions", 3, "one text for all pictures, or a list"),
    ],
)
def test_options(option: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan(study(**with_options(**{option: value})))


def test_options_are_known_by_their_earlier_names() -> None:
    earlier, today = (
        plan(study(**with_options(**{f"{what}{name}": 3 for what in ("", "drift_", "gallery_")})))
        for name in ("noises", "samples_per_prompt")
    )
    assert [trial.id for trial in earlier] == [trial.id for trial in today]
    assert earlier[0].task.options["drift_samples_per_prompt"] == 3
    with pytest.raises(InputError, match="noises and samples_per_prompt are one and the same; give samples_per_prompt"):
        plan(study(**with_options(noises=3, samples_per_prompt=3)))


def test_task_and_model_must_be_of_one_kind() -> None:
    with pytest.raises(InputError, match='task "word_problems": needs a language model'):
        check_trials(plan(study(tasks=["word_problems"])))
    with pytest.raises(InputError, match='task "image_concept": needs an image model, such as shipped:drawings'):
        check_trials(plan(study(tasks=["image_concept"], base_model="toy:llama")))
    with pytest.raises(InputError, match='judge "toy:llama": not known'):
        check_trials(plan(study(**with_options(judge="toy:llama"))))
    with pytest.raises(InputError, match="its answers are images"):
        get_task("image_concept")


def test_another_pipeline(klein: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "pipeline"
    wrong.mkdir()
    (wrong / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    with pytest.raises(InputError, match="is of a StableDiffusionPipeline; image tasks know Flux2KleinPipeline"):
        plan(study(tasks=["image_concept"], base_model=f"path:{wrong}"))
    (wrong / "model_index.json").write_text('{"_class_name": "Flux2KleinPipeline"}')
    with pytest.raises(InputError, match="the folder transformer is missing"):
        plan(study(tasks=["image_concept"], base_model=f"path:{wrong}"))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"pixels": 100}, "image.pixels = 100 is not a multiple of 16"),
        ({"pixels": 64, "text_layers": [3, 40]}, "the text encoder in .* has layers 0 to 31"),
    ],
)
def test_settings_that_the_model_cannot_take(
    klein: Path, image: dict[str, Any], message: str, tmp_path: Path
) -> None:  # fmt: skip
    values = {"tasks": ["image_concept"], "base_model": f"path:{klein}", "recipe": {"image": image}}
    (trial,) = plan(study(**values))
    assert_refused(run_trial(trial, tmp_path, attempt=1, concurrent_workers=1, listener=Silent()), message)


def test_captions_are_no_longer_than_the_small_model_reads(tmp_path: Path) -> None:
    long = "a zib that sits on a very small red chair"
    (trial,) = plan(study(**with_options(gallery_captions=[long])))
    assert_refused(
        run_trial(trial, tmp_path, attempt=1, concurrent_workers=1, listener=Silent()),
        "10 words; the small image model reads at most 8",
    )


def assert_refused(finished: Finished, message: str) -> None:
    outcome = finished.record.outcome
    assert isinstance(outcome, Refused)
    assert re.search(message, outcome.message)
