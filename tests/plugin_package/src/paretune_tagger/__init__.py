"""Taggers: models with a head that says something of every token, as a kind of their own."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paretune.engine.batches import BatchesByLength, fitting, longest
from paretune.kinds import Asked, Evaluation, Kind, OnProgress, TrainingData, on_device
from paretune.measure import Phases
from paretune.methods import KindTraits, Objective
from paretune.models import Head, LoadedModel, load_model, makes_pictures, tokenizer_of
from paretune.models.shapes import config_object
from paretune.spec import Phase, Recipe, Trial
from paretune.store import Item
from paretune.tasks import AnyTask, Split

HEAD = "AutoModelForTokenClassification"


class Tagged(NamedTuple):
    """A text, and which of its characters are marked: as many letters, each "x" or "."."""

    id: str
    text: str
    marks: str


class TaggingTask(AnyTask):
    """Texts in which characters are to be marked."""

    kind: ClassVar[str] = "tagger"

    @abstractmethod
    def examples(self, split: Split) -> Sequence[Tagged]:
        """Return all examples of a split."""


class Marked(NamedTuple):
    """One text as token ids, one for each character."""

    input_ids: list[int]
    marks: list[int]

    @property
    def num_tokens(self) -> int:
        """Tokens of the text."""
        return len(self.input_ids)


class MarkedBatch(NamedTuple):
    """Right-padded texts. All tensors are int64 and have the shape (batch, tokens)."""

    input_ids: Tensor
    attention_mask: Tensor
    marks: Tensor
    """1 on marked tokens, 0 on others, -100 on padding."""

    @property
    def num_terms(self) -> int:
        """Tokens that the loss is summed over."""
        return int(self.attention_mask.sum())

    def to(self, device: torch.device) -> "MarkedBatch":
        """Return the batch on another device."""
        return MarkedBatch(*(tensor.to(device) for tensor in self))


class MarkedBatches(BatchesByLength[Marked, MarkedBatch]):
    """Batches of texts of similar lengths."""

    def collate(self, rows: Sequence[Marked]) -> MarkedBatch:
        """Return texts as one right-padded batch."""
        length = max(row.num_tokens for row in rows)
        columns = [(row.input_ids, [1] * row.num_tokens, row.marks) for row in rows]
        padded = [
            torch.tensor([values + [fill] * (length - len(values)) for values in column])
            for column, fill in zip(zip(*columns, strict=True), (self._pad_id, 0, -100), strict=True)
        ]
        return MarkedBatch(*padded)


def tag_logits(model: nn.Module, batch: MarkedBatch) -> Tensor:
    """Return logits of shape (batch, tokens, 2)."""
    logits: Tensor = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    return logits


def tagging_loss(model: nn.Module, batch: MarkedBatch) -> Tensor:
    """Return the negative log-likelihood of the right marks, summed, in nats."""
    logits = tag_logits(model, batch).float().flatten(0, 1)
    return cross_entropy(logits, batch.marks.flatten(), ignore_index=-100, reduction="sum")


class Tagger(Kind[TaggingTask]):
    """Models of transformers with a head for every token. An item is right when all of its characters are."""

    traits: ClassVar[KindTraits] = KindTraits("tagger", "TOKEN_CLS", linear_in_blocks=True)
    words: ClassVar[str] = "a model that reads text"
    tasks: ClassVar[type[Any]] = TaggingTask

    def fits(self, reference: str) -> bool:
        """Whatever is no image model."""
        return not makes_pictures(reference)

    def load(self, task: TaggingTask, trial: Trial) -> LoadedModel:
        """Return model and tokenizer. The head's initial values depend on the trial's seed."""
        head = Head(HEAD, {"num_labels": 2}, trial.seed)
        return on_device(load_model(trial.base_model, trial.recipe.dtype, head=head))

    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the model without its weights."""
        from transformers import AutoModelForTokenClassification

        parsed = config_object({**config, "num_labels": 2})
        model: nn.Module = AutoModelForTokenClassification.from_config(parsed, dtype=dtype)
        return model

    def tokenizer(self, reference: str) -> Any:
        """Return the tokenizer."""
        return tokenizer_of(reference)

    def objective(self, loaded: LoadedModel) -> Objective:
        """Return the loss of the right marks."""
        return tagging_loss

    def training_data(self, task: TaggingTask, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return the texts as batches."""
        recipe = trial.recipe
        train = _rows(task, "train", loaded.tokenizer)
        kept = fitting(train, recipe, "train")
        return TrainingData(
            batches=_batches(kept, recipe, loaded, trial.seed),
            longest=_batches(longest(train, recipe), recipe, loaded, trial.seed),
            validation=_batches(_rows(task, "validation", loaded.tokenizer), recipe, loaded, trial.seed, one_pass=True),
            num_left_out=len(train) - len(kept),
        )

    def evaluate(
        self, asked: Asked[TaggingTask], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:
        """Mark one text after another."""
        examples = asked.task.examples(asked.trial.split)[: asked.limit]
        with phases.during(Phase.RELOAD):
            model = asked.method.load(loaded.model, asked.checkpoint)
        items = []
        with phases.during(Phase.TEST), torch.no_grad():
            for done, one in enumerate(examples, start=1):
                batches = _batches([_row(one, loaded.tokenizer)], asked.trial.recipe, loaded, 0, one_pass=True)
                logits = tag_logits(model, next(iter(batches)).to(next(model.parameters()).device))
                said = "".join(".x"[mark] for mark in logits[0].argmax(dim=-1).tolist())
                items.append(Item(one.id, "all", {"accuracy": float(said == one.marks)}, said, one.marks))
                on_progress(done, len(examples))
        accuracy = sum(item.scores["accuracy"] for item in items) / len(items)
        metrics = {"accuracy": accuracy, "answers_per_second": len(items) / phases.seconds(Phase.TEST)}
        return Evaluation(metrics, {"accuracy": (accuracy * (1 - accuracy) / len(items)) ** 0.5}, {}, items)


def _row(example: Tagged, tokenizer: Any) -> Marked:
    return Marked(tokenizer(example.text)["input_ids"], [int(mark == "x") for mark in example.marks])


def _rows(task: TaggingTask, split: Split, tokenizer: Any) -> list[Marked]:
    return [_row(example, tokenizer) for example in task.examples(split)]


def _batches(
    rows: Sequence[Marked], recipe: Recipe, loaded: LoadedModel, seed: int, *, one_pass: bool = False
) -> MarkedBatches:
    return MarkedBatches(rows, recipe.batch_size, loaded.tokenizer.pad_token_id, seed, one_pass=one_pass)
