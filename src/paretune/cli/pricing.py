"""What the trials of a plan take with a GPU that need not be here: memory of each device, and time."""

import sys
import warnings
from collections.abc import Sequence
from functools import partial
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretune.analysis.table.plan_cost import (
    Answers,
    Cards,
    PricedMethod,
    Pricing,
    StepCost,
    answer_seconds,
    step_cost,
    total,
)
from paretune.analysis.table.projection import UTILISATION, Span
from paretune.cli.projecting import card_named, tokens_counter
from paretune.execute.prepare import Prepared
from paretune.execute.stages import Stage
from paretune.spec import InputError, Trial, one_line
from paretune.spec.compute import ModelCompute, StepTokens
from paretune.tasks import task_of

if TYPE_CHECKING:
    from paretune.estimate.planned import TrainingMemory
    from paretune.models import ModelShape


def price_plan(prepared: Prepared, gpu: str, speed_from: Path | None) -> Pricing:
    """Return what the trials of a plan that have not run take with a GPU, on as many as the recipe says.

    Raises `InputError` for a GPU that is not known, and for models and tasks whose costs are not projected.
    """
    from paretune.estimate.compute import model_compute
    from paretune.estimate.gpus import find_gpu
    from paretune.models import find_shape

    card, found = card_named(gpu), find_gpu(gpu)
    by_method = _by_method(prepared.stages.stages)
    first = next((trial for trials in by_method.values() for trial in trials if trial.method.trains), None)
    if first is None:
        raise InputError("--gpu: nothing in this study is trained, so there is nothing to project")
    share = UTILISATION if speed_from is None else _utilisation(speed_from, card.peak_flops, found.name)
    offload = _offloads(first)
    cards = Cards(card, _num_devices(first), found.link_bytes_per_second, found.memory_bytes, share, offload)
    shape = find_shape(first.base_model)
    work = _Work(shape, model_compute(shape), cards, prepared)
    methods = tuple(work.priced(label, trials) for label, trials in by_method.items())
    answering = work.answer_bytes(first)
    return Pricing(
        cards, work.compute, methods, answering, work.num_holding(answering),
        by_characters=work.by_characters, speed_from=None if speed_from is None else str(speed_from),
        num_later=prepared.stages.num_later,
    )  # fmt: skip


def _num_devices(trial: Trial) -> int:
    return 1 if trial.recipe.sharding is None else trial.recipe.sharding.devices


def _offloads(trial: Trial) -> bool:
    return trial.recipe.sharding is not None and trial.recipe.sharding.cpu_offload


def _by_method(stages: Sequence[Stage]) -> dict[str, list[Trial]]:
    found: dict[str, list[Trial]] = {}
    for stage in stages:
        for trial in stage.trials:
            found.setdefault(trial.method.label, []).append(trial)
    return found


class _Work:
    """Predicts what trials take, each thing once."""

    def __init__(self, shape: "ModelShape", compute: ModelCompute, cards: Cards, prepared: Prepared) -> None:
        self.compute = compute
        self.by_characters = bool(prepared.unchecked)
        self._shape, self._cards, self._prepared = shape, cards, prepared
        self._tokens = self._counter()
        self._longest: dict[tuple[str, str], Any] = {}

    def _counter(self) -> Any:
        from paretune.estimate.compute import step_tokens_by_characters

        return tokens_counter(step_tokens_by_characters if self.by_characters else None)

    def priced(self, label: str, trials: Sequence[Trial]) -> PricedMethod:
        """Return what a method takes."""
        last = trials[-1]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the trial itself keeps them
            memory, why = self._memory(last) if last.method.trains else (None, None)
        share = memory.trainable_parameters / memory.total_parameters if memory else 0.0
        spans = [self._trial_seconds(trial, share) for trial in trials if trial.id not in self._prepared.results]
        step = self._step(last, share) if last.method.trains else None
        print(f"priced: {label}", file=sys.stderr)
        return PricedMethod(label, memory and memory.needed_bytes, why, step, len(spans), total(spans))

    def _step(self, trial: Trial, trained_share: float) -> StepCost:
        return step_cost(
            self.compute,
            self._tokens(trial),
            trial.recipe,
            trained_share,
            self._cards._replace(number=_num_devices(trial)),
        )

    def _trial_seconds(self, trial: Trial, trained_share: float) -> Span:
        spans = []
        sizes = self._prepared.blueprint.split_sizes[trial.task.name]
        if trial.method.trains:
            step = self._step(trial, trained_share).seconds
            # A batch of validation takes the forward pass of a step: at most half of it.
            validation = ceil(sizes["validation"] / trial.recipe.batch_size) / 2
            spans.append(step.times(trial.recipe.trained_steps + validation))
        if "answers" in trial.measures:
            spans.append(answer_seconds(self.compute, self._answers(trial, sizes[trial.split])))
        return total(spans)

    def _answers(self, trial: Trial, num_questions: int) -> Answers:
        tokens: StepTokens = self._tokens(trial)
        reference = tokens.learned_tokens / trial.recipe.examples_per_step
        limit = getattr(task_of(trial.task), "max_new_tokens", None) or max(reference, 1.0)
        return Answers(ceil(num_questions / trial.recipe.answer_batch_size), min(reference, limit), limit)

    def _memory(self, trial: Trial) -> "tuple[TrainingMemory | None, str | None]":
        from paretune.estimate.planned import training_memory
        from paretune.estimate.workload import workload_for

        try:
            settings = self._settings(trial)
            make_workload = partial(workload_for, self._shape, settings, self._lengths(trial))
            return training_memory(self._shape, trial.method, settings, make_workload), None
        except Exception as error:  # what a method or a library cannot do without weights
            return None, one_line(error)[:200]

    def _settings(self, trial: Trial) -> Any:
        from paretune.estimate import EstimateSettings

        number, offload = _num_devices(trial), _offloads(trial)
        return EstimateSettings(
            recipe=trial.recipe, gpu=self._cards.card.name, num_devices=number, cpu_offload=offload
        )  # fmt: skip

    def _lengths(self, trial: Trial) -> Any:
        """Return the tokens of one device's rows of the longest batch."""
        from paretune.estimate.workload import padded_lengths
        from paretune.execute.pack_size import longest_lengths

        number = _num_devices(trial)
        if self.by_characters:
            return padded_lengths(trial.recipe.batch_size // number, trial.recipe.max_length)
        rows = trial.task.canonical_json(), trial.recipe.canonical_json()
        if rows not in self._longest:
            self._longest[rows] = longest_lengths(trial)
        return self._longest[rows][::-number]  # the longest comes last

    def answer_bytes(self, trial: Trial) -> int:
        """Return what the base model takes while it answers a batch of the longest questions."""
        from paretune.estimate.generation import Questions
        from paretune.estimate.planned import answer_bytes

        limit = ceil(self._answers(trial, 1).most_tokens)
        prompt = trial.recipe.max_length if self.by_characters else max(one.prompt for one in self._lengths(trial))
        questions = Questions(trial.recipe.answer_batch_size, prompt, limit)
        return answer_bytes(self._shape, self._settings(trial), questions)

    def num_holding(self, num_bytes: int) -> int:
        """Return the fewest devices that hold so much."""
        from paretune.models.free_memory import USED_SHARE

        return ceil(num_bytes / (USED_SHARE * self._cards.memory_bytes))


def _utilisation(folder: Path, peak_flops: float, gpu: str) -> tuple[float, float]:
    """Return between which shares of a card's peak 80% of a study's steps lie."""
    from paretune.analysis.table.projection import reached_flops
    from paretune.estimate.compute import model_compute
    from paretune.models.shapes import shape_at_hand
    from paretune.store import load_records

    records = [record for record in load_records(folder) if record.step_seconds]
    devices = {record.provenance.device for record in records if record.provenance}
    if others := [device for device in devices if gpu.partition("-")[0] not in device.lower().replace(" ", "")]:
        raise InputError(f"--speed-from {folder}: its steps ran on {others[0]}, not on the GPU {gpu} of --gpu")
    if not records:
        raise InputError(f"--speed-from {folder}: no trial here has step times")
    here = model_compute(shape_at_hand(records[0].trial.base_model))
    reached = reached_flops(records, here, tokens_counter())
    return reached.low / peak_flops, reached.high / peak_flops
