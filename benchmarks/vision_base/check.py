"""What does the small image-text model see? It answers the questions of `visual_questions`, with and without images.

    python -m benchmarks.vision_base.check [FOLDER]

Guessing right by chance: one in five colours, shapes and heights, one in four counts, one in nine places.
"""

import sys
from pathlib import Path

from paretune.engine import PictureRespondent
from paretune.models import LoadedModel, load_model
from paretune.models.reference import parse, shipped_folder
from paretune.spec import Recipe
from paretune.tasks import Task, get_any_task

_KINDS = ("colour", "shape", "place", "count", "chart")
_QUESTIONS = 200


def main(folder: Path) -> None:
    """Print the share of right answers by kind of question."""
    loaded = load_model(f"path:{folder}", sees=True)
    for kind in _KINDS:
        shares = []
        for pictures in ("drawn", "blank"):
            options = {"test_size": _QUESTIONS, "train_size": 8, "validation_size": 8, "about": [kind]}
            task = get_any_task("visual_questions", {**options, "pictures": pictures, "seed": 1}).in_words()
            shares.append(_right(task, loaded))
        (seen, unseen), (blank, _) = shares
        print(f"{kind}: {seen:.0%} of seen combinations, {unseen:.0%} of unseen ones, {blank:.0%} with an empty image")


def _right(task: Task, loaded: LoadedModel) -> tuple[float, float]:
    """Return the share of right answers among seen and among unseen combinations."""
    respondent = PictureRespondent(loaded.model, loaded.tokenizer, task, Recipe(), batch_size=50)
    examples = task.examples("test")
    answers = task.ask(respondent, examples)
    right = [
        [answer.values["accuracy"] for answer, one in zip(answers, examples, strict=True) if one.group == group]
        for group in ("seen", "unseen")
    ]
    seen, unseen = (sum(values) / len(values) for values in right)
    return seen, unseen


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else shipped_folder(parse("shipped:shapes")))
