"""Language models that are shown a picture with each question: prompts with pictures that are answered in words."""

import io
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, ClassVar

import torch
from torch import nn

from paretune.engine import PictureRespondent, answer_loss, answer_loss_in_chunks, answering, check_references
from paretune.engine.answering import references
from paretune.engine.batches import longest
from paretune.engine.pictured import (
    PictureBatches,
    Pictured,
    check_picture_lengths,
    encode_each,
    encode_pictured,
    longest_picture_batches,
    make_picture_batches,
    picture_question,
    stretched,
)
from paretune.kinds.base import (
    CLAIMS_OF_EVERY_KIND,
    Asked,
    BatchSize,
    Evaluation,
    Kind,
    Lengths,
    LongText,
    OnProgress,
    ReadTexts,
    TrainingData,
    Workload,
)
from paretune.kinds.data_report import picture_data_report
from paretune.kinds.language import check_training, evaluate, general_texts_of
from paretune.kinds.long_texts import longest_general_text
from paretune.kinds.pictured_probe import PicturedProbe, asked_rows, learnt_batch, load_toy
from paretune.kinds.probe import Subject
from paretune.measure import Phases, check_texts
from paretune.methods import KindTraits, Method, Objective, build
from paretune.models import LoadedModel, find_shape, load_model, makes_pictures, on_device, pinned, tokenizer_of
from paretune.models.shapes import architecture_of, config_object
from paretune.spec import CAUSAL_LM, IMAGE_TEXT, DataReport, InputError, ModelKind, Trial
from paretune.tasks import Example, Message, Task

_SHORTEST = "a"
"""A question, and an answer: which ones changes no byte."""


class ImageText(Kind[Task]):
    """Models of pictures and text, as `AutoModelForImageTextToText` loads them. Forgetting is that of general text."""

    traits: ClassVar[KindTraits] = KindTraits(IMAGE_TEXT, "CAUSAL_LM", linear_in_blocks=True, has_parts=True)
    words: ClassVar[str] = "a model that reads pictures and text"
    tasks: ClassVar[type[Any]] = Task
    claims: ClassVar[frozenset[str]] = CLAIMS_OF_EVERY_KIND | {"padding_invariant", "generation_agrees"}
    skill_kinds: ClassVar[frozenset[ModelKind]] = frozenset({CAUSAL_LM, IMAGE_TEXT})
    quantises: ClassVar[bool] = True
    sees: ClassVar[bool] = True
    generates: ClassVar[bool] = True

    def fits(self, reference: str) -> bool:
        """Any model that transformers loads for pictures and text."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

        if makes_pictures(reference):
            return False
        return find_shape(reference).config.get("model_type") in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    def recognises(self, config: Mapping[str, Any]) -> bool:
        """By a class that transformers loads for pictures and text."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

        return architecture_of(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.values()

    def load(self, task: Task, trial: Trial) -> LoadedModel:  # noqa: ARG002
        """Return the model, and the tokenizer of its processor."""
        recipe = trial.recipe
        return on_device(
            load_model(
                trial.base_model, recipe.dtype, quantisation=recipe.quantised, attention=recipe.attention, sees=True
            )
        )

    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the model, without decoding settings of its own, as models that are loaded."""
        from transformers import AutoModelForImageTextToText, GenerationConfig

        model: Any = AutoModelForImageTextToText.from_config(
            config_object(config), dtype=dtype, attn_implementation="sdpa"
        )
        model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
        built: nn.Module = model
        return built

    def tokenizer(self, reference: str) -> Any:
        """Return the tokenizer of the processor."""
        return tokenizer_of(reference, sees=True)

    def text_part(self, model: nn.Module) -> nn.Module:
        """Return the language tower: tables of positions in the vision tower count patches."""
        whole: Any = model
        tower: nn.Module = whole.get_decoder()
        return tower

    def check(self, task: Task, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> None:
        """Refuse what no training could begin with, and what only text has: worked examples, a loss on whole texts."""
        task.check_recipe(trial.recipe)
        if trial.recipe.loss_on == "whole_text":
            raise InputError('recipe: loss_on = "whole_text": not with pictures, which are no text; leave it out')
        _refuse_shots(build(trial.method))
        picture_question(task.examples(trial.split)[0], tokenizer)
        if task.rows is not None:
            check_references(task, tokenizer, answering(task, tokenizer))
        check_training(task, trial, tokenizer, read_texts, check_picture_lengths)

    def longest_example(self, task: Task, trial: Trial, tokenizer: Any) -> int:
        """Return the tokens of the longest example that is trained or validated on, those of the picture included."""
        examples = chain(task.examples("train"), task.examples("validation"))
        lengths = (encode_pictured(one, tokenizer).num_tokens for one in examples)
        return max((length for length in lengths if length <= trial.recipe.max_length), default=0)

    def other_texts(self, task: Task, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> Sequence[LongText]:
        """Return the longest question with its answer, and the longest general text."""
        written = answering(task, tokenizer).max_new_tokens - 1  # nothing follows the last token
        number = max(len(picture_question(one, tokenizer)) for one in references(task)) + written
        words = f'the longest question of task "{task.card.name}" with its picture and its answer'
        mend = "leave out the longest questions, or lower max_new_tokens"
        return [LongText(words, number, mend), *longest_general_text(trial, tokenizer, read_texts)]

    def data_report(self, task: Task, trial: Trial) -> DataReport | None:
        """Return lengths, template, end of an answer, sizes of images, and the first examples as tokens."""
        return picture_data_report(task, trial)

    def objective(self, loaded: LoadedModel) -> Objective:  # noqa: ARG002
        """Return the loss on the tokens of the answers."""
        return answer_loss

    def objective_in_chunks(self, num_chunks: int) -> Objective:
        """Return the same for a part of the tokens at a time."""
        return answer_loss_in_chunks(num_chunks)

    def training_data(self, task: Task, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return the examples as batches of tokens and pictures."""
        tokenizer, recipe, seed = loaded.tokenizer, trial.recipe, trial.seed
        if "forgetting" in trial.measures:
            texts, reading = general_texts_of(trial.general_text)
            check_texts(tokenizer, texts, **reading)
        encoded = partial(encode_pictured, tokenizer=tokenizer)
        train, held_out = (encode_each(task.examples(split), encoded) for split in ("train", "validation"))
        pad_id = tokenizer.pad_token_id
        batches = make_picture_batches(train, pad_id, recipe, seed)
        validation = make_picture_batches(held_out, pad_id, recipe, seed, one_pass=True, split="validation")
        most = longest_picture_batches(train, pad_id, recipe)
        return TrainingData(batches, most, validation, batches.num_left_out, validation.num_left_out)

    def evaluate(
        self, asked: Asked[Task], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:  # fmt: skip
        """Answer the questions of the trial's split about their pictures. Raises `InputError` for worked examples."""
        _refuse_shots(asked.method)
        return evaluate(asked, loaded, phases, on_progress, PictureRespondent)

    def subject(self, reference: str | None, *, tied: bool) -> Subject | None:
        """Return the toy Idefics3, with images of one colour that are to be named."""
        if reference is not None or tied:
            return None
        tokenizer = load_toy("float32").tokenizer
        probe = PicturedProbe(asked_rows(tokenizer), tokenizer.pad_token_id, tokenizer.eos_token_id)
        return Subject(self, "toy Idefics3", load_toy, probe, learnt_batch(tokenizer), answer_loss)

    def shown(self, tokenizer: Any, resolution: int) -> Pictured:
        """Return a grey picture with a question of one letter and such an answer."""
        turns = (Message("user", _SHORTEST), Message("assistant", _SHORTEST))
        picture = _grey(resolution)
        return encode_pictured(
            Example("picture", _SHORTEST, _SHORTEST, _SHORTEST, "all", messages=turns, picture=picture), tokenizer
        )

    def workload(self, config: Mapping[str, Any], size: BatchSize) -> Workload | None:
        """Return a batch of prompts with answers, each with the picture that is shown; None without one.

        A question takes at least the tokens of the picture: what is left of an example's length is its answer.
        """
        if size.shown is None:
            return None
        return _workload(config, [_of_length(size.shown, lengths) for lengths in size.lengths])

    def longest_workload(self, task: Task, trial: Trial) -> Workload:
        """Return the longest examples with their own pictures."""
        reference = pinned(trial.base_model, trial.base_content)
        tokenizer = self.tokenizer(reference)
        rows = [encode_pictured(one, tokenizer) for one in task.examples("train")]
        return _workload(find_shape(reference).config, longest(rows, trial.recipe))

    def assumptions(self, *, own_data: bool) -> tuple[str, ...]:  # noqa: ARG002
        """Say what an example is."""
        return (
            "every example has one picture, whose tokens count; all tokens after the question are trained on, and "
            "examples differ in length, so that a mask is needed",
        )


def _of_length(shown: Pictured, lengths: Lengths) -> Pictured:
    question = max(lengths.prompt, shown.num_question_tokens)
    return stretched(shown, question, max(1, sum(lengths) - question))


def _workload(config: Mapping[str, Any], rows: Sequence[Pictured]) -> Workload:
    text: Any = config_object(config).get_text_config()
    batches = PictureBatches(rows, len(rows), pad_id=0, seed=0)
    return Workload(
        batches,
        answer_loss,
        logits_width=int(text.vocab_size),
        question=lambda num_tokens: stretched(rows[-1], num_tokens, 0),
    )


def _grey(side_pixels: int) -> bytes:
    """Return the file of a square picture."""
    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", (side_pixels, side_pixels), (128, 128, 128)).save(sink, "PNG")
    return sink.getvalue()


def _refuse_shots(method: Method) -> None:
    if method.num_shots:
        raise InputError(
            f'method "{method.spec.label}": image-text models are shown no worked examples; leave out shots'
        )
