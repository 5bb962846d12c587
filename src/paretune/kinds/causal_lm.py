"""Causal language models: prompts that are answered in words.

Under audit: sums in words, next-token logits and greedy answers.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from paretune.engine import (
    Batches,
    answer_loss,
    answer_loss_in_chunks,
    answering,
    check_lengths,
    check_references,
    longest_batches,
    make_batches,
)
from paretune.engine.encoding import Encoded
from paretune.engine.packing import LossesOf, packed_answer_losses
from paretune.kinds.base import (
    Asked,
    BatchSize,
    Evaluation,
    Kind,
    LongText,
    OnProgress,
    ReadTexts,
    TrainingData,
    Workload,
)
from paretune.kinds.data_report import data_report
from paretune.kinds.language import check_training, evaluate, general_texts_of
from paretune.kinds.long_texts import longest_example, longest_general_text, longest_question
from paretune.kinds.probe import NUM_PADDING, Answers, Dtype, Subject, device_of, evaluated, written_answers
from paretune.measure import Phases, check_texts
from paretune.methods import KindTraits, Objective
from paretune.methods.base import LANGUAGE
from paretune.models import LoadedModel, load_model, makes_pictures, on_device, tokenizer_of
from paretune.models.shapes import architecture_of, config_object, find_shape, only_reads
from paretune.models.spread import spread
from paretune.spec import CAUSAL_LM, CLAIMS, DataReport, ModelKind, Recipe, Trial
from paretune.tasks import Example, Task

_WRITES = ("ForCausalLM", "LMHeadModel")
_TOKEN = 1
"""Any token: which one it is changes no byte."""


class CausalLm(Kind[Task]):
    """Language models that write text. Forgetting: the rise of the loss on general text."""

    traits: ClassVar[KindTraits] = LANGUAGE
    words: ClassVar[str] = "a language model"
    tasks: ClassVar[type[Any]] = Task
    claims: ClassVar[frozenset[str]] = frozenset(CLAIMS)
    generates: ClassVar[bool] = True
    skill_kinds: ClassVar[frozenset[ModelKind]] = frozenset({CAUSAL_LM})
    quantises: ClassVar[bool] = True
    shards: ClassVar[bool] = True

    def fits(self, reference: str) -> bool:
        """Any model of transformers that is no encoder; whether it writes, its class says while planning."""
        return not makes_pictures(reference) and not only_reads(find_shape(reference).config)

    def recognises(self, config: Mapping[str, Any]) -> bool:
        """By its architecture, or by naming none, as models built in memory do."""
        architecture = architecture_of(config)
        return architecture.endswith(_WRITES) or not architecture

    def load(self, task: Task, trial: Trial) -> LoadedModel:  # noqa: ARG002
        """Return model and tokenizer.

        With sharding, one of the processes that will cut the model leaves it in main memory; to answer, it lies on as
        few devices as hold it.
        """
        recipe = trial.recipe
        loaded = load_model(trial.base_model, recipe.dtype, quantisation=recipe.quantised, attention=recipe.attention)
        if recipe.sharding is None:
            return on_device(loaded)
        return loaded if torch.distributed.is_initialized() else loaded._replace(model=spread(loaded.model))

    def build(self, config: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
        """Return the model, without decoding settings of its own, as models that are loaded."""
        from transformers import AutoModelForCausalLM, GenerationConfig

        parsed = config_object(config)
        model: Any = AutoModelForCausalLM.from_config(parsed, dtype=dtype, attn_implementation="sdpa")
        model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
        built: nn.Module = model
        return built

    def tokenizer(self, reference: str) -> Any:
        """Return the tokenizer."""
        return tokenizer_of(reference)

    def check(self, task: Task, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> None:
        """Refuse references that could not be scored right, and what no training could begin with.

        That is a length that no example is short enough for, and general text in which nothing is predicted.
        """
        task.check_recipe(trial.recipe)
        if task.rows is not None:
            check_references(task, tokenizer, answering(task, tokenizer))
        check_training(task, trial, tokenizer, read_texts, check_lengths)

    def longest_example(self, task: Task, trial: Trial, tokenizer: Any) -> int:
        """Return the tokens of the longest example that is trained or validated on."""
        return longest_example(task, trial, tokenizer)

    def other_texts(self, task: Task, trial: Trial, tokenizer: Any, read_texts: ReadTexts) -> Sequence[LongText]:
        """Return the longest question with its answer, and the longest general text."""
        return [longest_question(task, trial, tokenizer), *longest_general_text(trial, tokenizer, read_texts)]

    def data_report(self, task: Task, trial: Trial) -> DataReport | None:
        """Return lengths, template, end of an answer, and the first examples as tokens."""
        return data_report(task, trial)

    def objective(self, loaded: LoadedModel) -> Objective:  # noqa: ARG002
        """Return the loss on the tokens of the answers."""
        return answer_loss

    def objective_in_chunks(self, num_chunks: int) -> Objective:
        """Return the same for a part of the tokens at a time."""
        return answer_loss_in_chunks(num_chunks)

    def packed_losses(self, loaded: LoadedModel) -> LossesOf | None:  # noqa: ARG002
        """Return the same for rows of several trials."""
        return packed_answer_losses

    def training_data(self, task: Task, trial: Trial, loaded: LoadedModel) -> TrainingData:
        """Return the examples as batches of tokens."""
        examples, tokenizer, recipe, seed = task.examples("train"), loaded.tokenizer, trial.recipe, trial.seed
        if "forgetting" in trial.measures:
            texts, reading = general_texts_of(trial.general_text)
            check_texts(tokenizer, texts, **reading)
        batches = make_batches(examples, tokenizer, recipe, seed)
        validation = make_batches(
            task.examples("validation"), tokenizer, recipe, seed, one_pass=True, split="validation"
        )
        longest = longest_batches(examples, tokenizer, recipe)
        return TrainingData(batches, longest, validation, batches.num_left_out, validation.num_left_out)

    def evaluate(
        self, asked: Asked[Task], loaded: LoadedModel, phases: Phases, on_progress: OnProgress
    ) -> Evaluation:  # fmt: skip
        """Answer the questions of the trial's split."""
        return evaluate(asked, loaded, phases, on_progress)

    def subject(self, reference: str | None, *, tied: bool) -> Subject:
        """Return a language model, by default a toy with one matrix of embeddings or two, with sums to learn."""
        load = partial(_load_toy, tied=tied) if reference is None else partial(load_model, reference)
        model, tokenizer, *_ = load("float32")
        examples = [_sum(first, second) for first, second in ((12, 7), (30, 41), (5, 66), (28, 3))]
        batch = next(iter(make_batches(examples, tokenizer, Recipe(batch_size=4), seed=0)))
        prompts = [tokenizer(text)["input_ids"] for text in ("Tell me why 37", "What is 52 now", "Give us 9 or 8")]
        length = min(len(prompt) for prompt in prompts)
        input_ids = torch.tensor([prompt[:length] for prompt in prompts])
        probe = LanguageProbe(input_ids, tokenizer.pad_token_id, tokenizer.eos_token_id)
        ties = bool(model.config.tie_word_embeddings)
        return Subject(self, reference or "toy Llama", load, probe, batch, answer_loss, ties)

    def workload(self, config: Mapping[str, Any], size: BatchSize) -> Workload:
        """Return a batch of prompts with answers."""
        encoded = [Encoded.of([_TOKEN] * prompt, [_TOKEN] * answer) for prompt, answer in size.lengths]
        batches = Batches(encoded, len(encoded), pad_id=0, seed=0)
        width = int(config["vocab_size"])
        return Workload(batches, answer_loss, width, question=lambda num_tokens: [_TOKEN] * num_tokens)

    def assumptions(self, *, own_data: bool) -> tuple[str, ...]:
        """Say what lengths stand for that are not taken from data."""
        if own_data:
            return ()
        return ("every token of an example is trained on, and examples differ in length, so that a mask is needed",)


class LanguageProbe:
    """Prompts of the same number of tokens."""

    def __init__(self, input_ids: Tensor, pad_id: int, eos_id: int) -> None:
        self._input_ids = input_ids
        self._pad_id = pad_id
        self._eos_id = eos_id

    def outputs(self, model: nn.Module, rows: Sequence[int]) -> Tensor:
        """Return logits of shape (rows, tokens, vocabulary)."""
        return self._logits(model, self._input_ids[list(rows)])

    def padded_outputs(self, model: nn.Module, row: int) -> dict[str, Tensor]:
        """Return one sample's logits with padding before it, as in generation, and after it, as in training."""
        ids = self._input_ids[[row]]
        return {
            "padding on the left": self._logits(model, ids, left=NUM_PADDING),
            "padding on the right": self._logits(model, ids, right=NUM_PADDING),
        }

    def answers(self, model: nn.Module, rows: Sequence[int], num_padding: int = 0) -> Answers:
        """Return what `generate` writes, of a fixed length."""
        device = device_of(model)
        ids, mask = (tensor.to(device) for tensor in self._padded(self._input_ids[list(rows)], num_padding, 0))
        inputs = {"input_ids": ids, "attention_mask": mask}
        return written_answers(model, inputs, self._pad_id, self._eos_id)

    def logits_of(self, model: nn.Module, row: int, tokens: Tensor) -> Tensor:
        """Return the logits by which forward passes over the whole text choose each of one sample's new tokens.

        `tokens` has the shape (new tokens); what is returned has (1, new tokens, vocabulary). No cache is used.
        """
        prompt = self._input_ids[row]
        texts = (torch.cat([prompt, tokens[:place]]).unsqueeze(0) for place in range(len(tokens)))
        return torch.stack([self._logits(model, text)[:, -1] for text in texts], dim=1)

    def logits_after_another_end(self, model: nn.Module, row: int) -> Tensor:
        """Return one sample's logits, shape (tokens, vocabulary), with its last token replaced by another."""
        changed = self._input_ids[[row]].clone()
        others = changed[changed != changed[0, -1]]
        changed[0, -1] = others[0]
        return self._logits(model, changed)[0]

    def _logits(self, model: nn.Module, input_ids: Tensor, left: int = 0, right: int = 0) -> Tensor:
        device = device_of(model)
        ids, mask = (tensor.to(device) for tensor in self._padded(input_ids, left, right))
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        # A method that cannot take positions ignores them, here as it does while generating.
        extra = {"position_ids": positions} if left else {}
        output = evaluated(model, lambda: model(input_ids=ids, attention_mask=mask, **extra))
        logits: Tensor = output.logits.cpu()
        end = logits.shape[1] - right
        return logits[:, end - input_ids.shape[1] : end]  # virtual tokens stand before the sample

    def _padded(self, input_ids: Tensor, left: int, right: int) -> tuple[Tensor, Tensor]:
        mask = torch.ones_like(input_ids)
        sides = (left, right)
        return (
            torch.nn.functional.pad(input_ids, sides, value=self._pad_id),
            torch.nn.functional.pad(mask, sides, value=0),
        )


def _load_toy(dtype: Dtype, *, tied: bool) -> LoadedModel:
    """Return the toy Llama with wide weights: what depends on positions shows only where attention is selective."""
    from paretune.models.toy import NOTE, toy_model, toy_tokenizer

    return LoadedModel(toy_model(spread=0.1, tied=tied).to(getattr(torch, dtype)).eval(), toy_tokenizer(), NOTE)


def _sum(first: int, second: int) -> Example:
    total = str(first + second)
    return Example(
        id=f"{first}+{second}", group="sums", prompt=f"{first} and {second} is", completion=f" {total}", target=total
    )
