"""The image-text model that comes with Paretune: what it was shown, and that it sees."""

import hashlib
import random
import re

import pytest

from benchmarks.vision_base.scenes import scene
from paretune.engine import PictureRespondent
from paretune.models import LoadedModel, load_model
from paretune.models.reference import parse, shipped_folder
from paretune.spec import Recipe
from paretune.tasks import get_any_task
from paretune.tasks.drawn_shapes import COLOURS, SHAPES

REFERENCE = "shipped:shapes"


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model(REFERENCE, sees=True)


def right(loaded: LoadedModel, kind: str, pictures: str) -> float:
    options = {"test_size": 60, "train_size": 4, "validation_size": 4, "about": [kind], "pictures": pictures}
    task = get_any_task("visual_questions", {**options, "seed": 2}).in_words()
    respondent = PictureRespondent(loaded.model, loaded.tokenizer, task, Recipe(), batch_size=60)
    return sum(one.values["accuracy"] for one in task.ask(respondent, task.examples("test"))) / 60


@pytest.mark.parametrize("kind", ["colour", "shape"])
def test_it_answers_what_it_was_shown_and_only_guesses_without_the_image(loaded: LoadedModel, kind: str) -> None:
    assert right(loaded, kind, "drawn") > 0.9
    assert right(loaded, kind, "blank") < 0.4


@pytest.mark.parametrize("kind", ["count", "chart", "place"])
def test_something_is_left_to_learn(loaded: LoadedModel, kind: str) -> None:
    assert right(loaded, kind, "drawn") < 0.5


def test_it_is_the_file_that_its_readme_describes() -> None:
    folder = shipped_folder(parse(REFERENCE))
    readme = (folder / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert re.findall(r"\b[0-9a-f]{64}\b", readme) == [digest]


def test_scenes_have_answers_never_counts_and_no_combination_that_is_called_unseen() -> None:
    draw, unseen = random.Random(0), list(zip(COLOURS, SHAPES, strict=True))
    asked = [one for _ in range(300) for one in scene(draw, 6).asked]
    assert not [question for question, _ in asked if "How" in question or "bar" in question]
    described = " ".join(answer for question, answer in asked if question == "Describe the image.")
    assert not [one for one in unseen if " ".join(one) in described]
    answers = {question.split()[0]: answer for question, answer in asked}
    assert answers.keys() == {"What", "Where", "Is", "Describe"}
    assert all(answer for _, answer in asked)
