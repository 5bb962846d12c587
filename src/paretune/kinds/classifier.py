"""Encoders and decoders with a head that says something of a text: a label, several labels, or a number.

Under audit: sequences of tokens whose class is decided by the first of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from paretune.engine.batches import Repeated, longest
from paretune.engine.classification import (
    Labelled,
    LabelledBatch,
    LabelledBatches,
    class_logits,
    classification_loss,
    classify,
    head_objective,
    labelled_batch,
    labelled_rows,
)
from paretune.engine.heads import head_reading
from paretune.kinds.base import (
    CLAIMS_OF_EVERY_KIND,
    Asked,
    BatchSize,
    Evaluation,
    Kind,
    OnProgress,
    ReadTexts,
    TrainingData,
    Workload,
    keep_answer_peak,
)
from paretune.kinds.baseline import check_one_label, learnt_without_base_model
from paretune.kinds.label_report import label_report
from paretune.kinds.probe import NUM_PADDING, Dtype, Subject, device_of, evaluated
from paretune.measure import Phases
from paretune.methods import KindTraits, Objective, build
from paretune.models import Head, LoadedModel, load_model, makes_pictures, on_device, tokenizer_of
from paretune.models.shapes import config_object, only_reads, without_labels
from paretune.models.toy import NOTE, toy_tokenizer
from paretune.models.toy_encoder import NUM_LABELS, toy_encoder
from paretune.models.tying import ties_embeddings
from paretune.spec import CLASSIFIER, DataReport, InputError, Phase, Trial
from paretune.tasks import ClassificationTask, LabelledExample, Split
from paretune.tasks.label_scoring import Problem
from paretune.tasks.scoring import score_answers

_NUM_ESTIMATED_LABELS = 2
"""Classes of an estimate's head."""
_TOKEN = 1
"""Any token: which one it is changes no byte."""
_NUM_TOKENS = 12
_FORMS: dict[Problem, str] = {
    "single_label": "one label",
    "several_labels": "a tuple of labels",
    "regression": "a number",
}


class Classifier(Kind[ClassificationTask]):
    """Models with a classification head. They forget nothing that could be asked: no text is predicted by a head."""

    traits: ClassVar[KindTraits] = KindTraits(CLASSIFIER, "SEQ_CLS", linear_in_blocks=True)
    words: ClassVar[str] = "a language model or an encoder"
    tasks: ClassVar[type[Any]] = ClassificationTask
    claims: ClassVar[frozenset[str]] = CLAIMS_OF_EVERY_KIND | {"padding_invariant"}
    quantises: ClassVar[bool] = True

    def fits(self, reference: str) -> bool:
        """Any model of transformers: where its files hold no head that fits, a new one is trained along."""
        return not makes_pictures(reference)

    def recognises(self, config: Mapping[str, Any]) -> bool:
        """By its architecture: a head of this kind, or an encoder that can be given one."""
        return only_reads(config) and not config.get("is_encoder_decoder")

    def load(self, task: ClassificationTask, trial: Trial) -> LoadedModel:
        """Return model, tokenizer and, as processor, how its head is read. A new head depends on the trial's seed."""
        recipe, reading = trial.recipe, head_reading(task)
        head = Head("AutoModelForSequenceClassification", reading.settings, trial.seed)
        loaded = load_model(
            trial.base_model, recipe.dtype, quantisation=recipe.quantised, attention=recipe.attention, head=head
        )
        loaded = loaded._replace(processor=reading)
        return on_device(loaded)

    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the model, with a head of two classes where the configuration comes from no task."""
        from transformers import AutoModelForSequenceClassification

        parsed = config_object({"num_labels": _NUM_ESTIMATED_LABELS, **config})
        if parsed.pad_token_id is None:  # as of a loaded model, which takes it from its tokenizer
            parsed.pad_token_id = 0
        model: nn.Module = AutoModelForSequenceClassification.from_config(
            parsed, dtype=dtype, attn_implementation="sdpa"
        )
        return model

    def config_for(self, task: ClassificationTask, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the configuration with the outputs of the task's head."""
        return {**without_labels(config), "num_labels": head_reading(task).num_outputs}

    def tokenizer(self, reference: str) -> Any:
        """Return the tokenizer."""
        return tokenizer_of(reference, writes=False)

    def check(self, task: ClassificationTask, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> None:  # noqa: ARG002
        """Refuse a label that the task does not list, and a method that learns from texts alone where it cannot."""
        if build(trial.method).text_learner() is not None:
            check_one_label(task, trial)
        splits: tuple[Split, ...] = ("train", "validation", trial.split)
        for split in dict.fromkeys(splits):
            check_labels(task, split)

    def longest_example(self, task: ClassificationTask, trial: Trial, tokenizer: Any) -> int:
        """Return the tokens of the longest text of any split, as it is cut."""
        reading, max_length = head_reading(task), trial.recipe.max_length
        splits: tuple[Split, ...] = ("train", "validation", "test")
        rows = (row for split in splits for row in labelled_rows(task.examples(split), reading, tokenizer, max_length))
        return max(row.num_tokens for row in rows)

    def head(self, model: nn.Module, drawn: Sequence[str] = ()) -> tuple[str, ...]:
        """Return what stands above the body, and what of the body its files lack, such as BERT's pooler."""
        body: Any = model
        prefix = body.base_model_prefix
        above = (
            name for name, child in model.named_children() if name != prefix and any(True for _ in child.parameters())
        )
        return (*above, *(name for name in drawn if name.startswith(f"{prefix}.")))

    def data_report(self, task: ClassificationTask, trial: Trial) -> DataReport | None:
        """Return lengths, what the head gives, and the first texts as the model sees them."""
        return label_report(task, trial)

    def objective(self, loaded: LoadedModel) -> Objective:
        """Return the loss of the head."""
        return head_objective(loaded.processor)

    def training_data(self, task: ClassificationTask, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return the texts as batches of tokens with what the head should say of them. Longer texts are cut."""
        recipe, pad_id, reading = trial.recipe, loaded.tokenizer.pad_token_id, loaded.processor
        train, validation = (
            labelled_rows(task.examples(split), reading, loaded.tokenizer, recipe.max_length)
            for split in ("train", "validation")
        )
        shuffled, made = recipe.data_order == "shuffled", {"targets": reading.tensor}
        return TrainingData(
            batches=LabelledBatches(train, recipe.batch_size, pad_id, trial.seed, shuffled=shuffled, **made),
            longest=Repeated(labelled_batch(longest(train, recipe), pad_id, reading.tensor)),
            validation=LabelledBatches(validation, recipe.batch_size, pad_id, trial.seed, one_pass=True, **made),
        )

    def evaluate(
        self, asked: Asked[ClassificationTask], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:
        """Ask for the texts of the trial's split. What is longer than the recipe's `max_length` is cut."""
        trial, task, method, checkpoint, limit, _ = asked
        if method.num_shots:
            raise InputError(
                f'method "{trial.method.label}": a classifier is shown no worked examples; leave out shots'
            )
        if (learner := method.text_learner()) is not None:
            return learnt_without_base_model(asked, loaded, phases, learner)
        examples, pad_id, reading = task.examples(trial.split)[:limit], loaded.tokenizer.pad_token_id, loaded.processor
        if not method.trains and loaded.drawn:
            return _untrained(task, examples)
        rows = labelled_rows(examples, reading, loaded.tokenizer, trial.recipe.max_length)
        with phases.during(Phase.RELOAD):
            model = method.load(loaded.model, checkpoint)
        tied = ties_embeddings(trial.base_model)
        alone = method.answers_alone(tied_embeddings=tied, model_kind=self.name)
        with phases.during(Phase.TEST):
            size = 1 if alone else trial.recipe.answer_batch_size
            answers = classify(model, rows, reading, pad_id, size, on_progress=on_progress)
        items, metrics, errors, groups = score_answers(task, examples, answers)
        metrics["answers_per_second"] = len(items) / phases.seconds(Phase.TEST)
        if "memory" in trial.measures:
            number = 1 if alone else trial.recipe.memory_answer_batch_size
            whole = [max(rows, key=lambda row: row.num_tokens)] * number
            with phases.during(Phase.MEASURE):
                peak = phases.peak_bytes_of(model, lambda: classify(model, whole, reading, pad_id, number))
            keep_answer_peak(metrics, phases, peak)
        return Evaluation(metrics, errors, groups, items)

    def subject(self, reference: str | None, *, tied: bool) -> Subject | None:
        """Return the toy encoder, with random sequences whose class is decided by their first token."""
        if reference is not None or tied:
            return None
        tokenizer = toy_tokenizer()
        generator = torch.Generator().manual_seed(0)
        special = len(tokenizer.all_special_ids)
        input_ids = torch.randint(special, len(tokenizer), (7, _NUM_TOKENS), generator=generator)
        learnt = input_ids[:4]
        batch = LabelledBatch(learnt, torch.ones_like(learnt), learnt[:, 0] % NUM_LABELS, learnt[:, :0])
        probe = ClassifierProbe(input_ids[4:], tokenizer.pad_token_id)
        return Subject(self, "toy BERT", _load, probe, batch, classification_loss)

    def workload(self, config: Mapping[str, Any], size: BatchSize) -> Workload:  # noqa: ARG002
        """Return a batch of texts."""
        rows = [Labelled([_TOKEN] * sum(lengths), 0) for lengths in size.lengths]
        return Workload(Repeated(labelled_batch(rows, pad_id=0)), classification_loss, logits_width=None)


class ClassifierProbe:
    """Sequences of the same number of tokens."""

    def __init__(self, input_ids: Tensor, pad_id: int) -> None:
        self._input_ids = input_ids
        self._pad_id = pad_id

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return class logits of shape (rows, classes)."""
        return self._logits(model, self._input_ids[list(rows)], 0)

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's class logits with padding after it."""
        return {"padding on the right": self._logits(model, self._input_ids[[row]], NUM_PADDING)}

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> None:
        """Return None: a classifier writes nothing."""

    def _logits(self, model: nn.Module, input_ids: Tensor, num_padding: int) -> Tensor:
        ids = nn.functional.pad(input_ids, (0, num_padding), value=self._pad_id)
        mask = nn.functional.pad(torch.ones_like(input_ids), (0, num_padding), value=0)
        device = device_of(model)
        batch = LabelledBatch(ids, mask, ids[:, 0], ids[:, :0]).to(device)
        logits: Tensor = evaluated(model, lambda: class_logits(model, batch))
        return logits.cpu()


def _load(dtype: Dtype) -> LoadedModel:
    return LoadedModel(toy_encoder().to(getattr(torch, dtype)), toy_tokenizer(), NOTE)


def _untrained(task: ClassificationTask, examples: Sequence[LabelledExample]) -> Evaluation:
    """Return what can be said without a head that has learnt: the same of every text."""
    items, metrics, errors, groups = score_answers(task, examples, [task.prior] * len(examples))
    what = "the mean" if task.problem == "regression" else "the most frequent answer"
    note = f'the head has learnt nothing: every text gets "{task.prior}", {what} of the training data'
    return Evaluation(metrics, errors, groups, items, notes=(note,))


def check_labels(task: ClassificationTask, split: Split) -> None:
    """Raise `InputError` for an example whose label the task does not list, or that has no number where one is due."""
    known = set(task.labels)
    for one in task.examples(split):
        given = one.label if isinstance(one.label, tuple) else (one.label,)
        if task.problem != "regression" and (strange := [str(label) for label in given if label not in known]):
            raise InputError(
                f'task "{task.card.name}": example {one.id} has the label "{strange[0]}"; there is '
                f"{', '.join(task.labels)}"
            )
        if isinstance(one.label, tuple) != (task.problem == "several_labels"):
            raise InputError(
                f'task "{task.card.name}": example {one.id} has the label {one.label!r}; of the problem '
                f'"{task.problem}" it is {_FORMS[task.problem]}'
            )
