"""Labels that come from the words of the texts alone, in place of the base model: a baseline's trial."""

from collections.abc import Sequence
from itertools import islice

from paretune.engine.classification import LabelledBatches, labelled_rows
from paretune.kinds.base import Asked, Evaluation
from paretune.measure import Phases
from paretune.methods.text_learner import LabelledTexts, TextLearner
from paretune.models import LoadedModel
from paretune.spec import InputError, Phase, Trial
from paretune.tasks import ClassificationTask, HeadAnswer, LabelledExample
from paretune.tasks.scoring import score_answers


def learnt_without_base_model(
    asked: Asked[ClassificationTask], loaded: LoadedModel, phases: Phases, learner: TextLearner
) -> Evaluation:
    """Let a learner see what the methods that train are shown, and label the texts of the trial's split.

    Raises `InputError` as `check_one_label` does.
    """
    trial, task, _, _, limit, _ = asked
    check_one_label(task, trial)
    shown, examples = shown_examples(asked, loaded), task.examples(trial.split)[:limit]
    with phases.during(Phase.PREPARE):
        chosen = learner.learn(_texts(shown), _texts(task.examples("validation")))
    with phases.during(Phase.TEST):
        likely = learner.probabilities([one.prompt for one in examples], task.labels)
    answers = [HeadAnswer(task.labels[row.index(max(row))], row) for row in likely]
    items, metrics, errors, groups = score_answers(task, examples, answers)
    metrics["answers_per_second"] = len(items) / phases.seconds(Phase.TEST)
    note = f"no base model; learnt from {len(shown)} examples, those that the methods are shown; {chosen}."
    return Evaluation(metrics, errors, groups, items, notes=(note,))


def check_one_label(task: ClassificationTask, trial: Trial) -> None:
    """Raise `InputError` where a task asks a learner for anything but one label."""
    if task.problem != "single_label":
        raise InputError(
            f'method "{trial.method.label}": tells one label of a text, and task "{task.card.name}" asks for '
            f"{'several' if task.problem == 'several_labels' else 'a number'}; leave it out"
        )


def shown_examples(asked: Asked[ClassificationTask], loaded: LoadedModel) -> list[LabelledExample]:
    """Return the training examples that come up in a training by the trial's recipe with the trial's seed."""
    task, recipe = asked.task, asked.trial.recipe
    train = task.examples("train")
    rows = labelled_rows(train, loaded.processor, loaded.tokenizer, recipe.max_length)
    numbered = [row._replace(label=place) for place, row in enumerate(rows)]
    shuffled = recipe.data_order == "shuffled"
    batches = LabelledBatches(
        numbered, recipe.batch_size, loaded.tokenizer.pad_token_id, asked.trial.seed, shuffled=shuffled
    )
    steps = islice(batches, recipe.trained_steps * recipe.gradient_accumulation)
    return [train[place] for place in sorted({place for batch in steps for place in batch.labels.tolist()})]


def _texts(examples: Sequence[LabelledExample]) -> LabelledTexts:
    return LabelledTexts([one.prompt for one in examples], [one.target for one in examples])
