"""What every kind of model promises, as tests that the author of another inherits."""

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from paretune.engine import train, validation_loss
from paretune.engine.batches import DataBatch
from paretune.kinds import Asked, BatchSize, Evaluation, Kind, Lengths, TrainingData, kind_named, kind_of, skeleton
from paretune.measure import Phases
from paretune.methods import Method, build, resolve
from paretune.models import LoadedModel, find_shape
from paretune.spec import CLAIMS, InputError, MethodEntry, Recipe, Trial
from paretune.tasks import AnyTask, get_any_task, read_general_text
from paretune.testing.refusal import refusal

_NUM_BATCHES = 5
_REFERENCES = ("toy:llama", "shipped:drawings")


class _Trained(NamedTuple):
    method: Method
    model: nn.Module
    losses: tuple[float, ...]
    data: TrainingData


_FINISHED: dict[type, _Trained] = {}


class KindContract:
    """Inherit from it in a class whose name begins with `Test`, set `kind` and `task`, and let pytest find it.

    The trial is one of LoRA on a small task and a small base model: all tests together take some seconds.
    """

    kind: ClassVar[str]
    """The kind's name."""
    task: ClassVar[str]
    """The name of a task that is put to it."""
    options: Mapping[str, Any] = {}
    """Options that make the task small."""
    base_model: str = "toy:llama"
    """Reference of a small base model; a fixture may set it."""
    recipe: ClassVar[Recipe] = Recipe(steps=16, batch_size=4, schedule="constant")
    learning_rate: ClassVar[float] = 1e-2

    def make_task(self) -> AnyTask:
        """Return a new instance of the task. Write it where the task has no entry point."""
        return get_any_task(self.task, self.options)

    def the_kind(self) -> Kind[Any]:
        """Return the kind under test."""
        return kind_named(self.kind)

    def trial(self, **recipe: Any) -> Trial:
        """Return the trial, with changes to its recipe."""
        settings = self.the_kind().recipe(self.recipe.model_copy(update=recipe))
        return Trial(
            base_model=self.base_model,
            task=self.make_task().spec(),
            method=resolve(MethodEntry(name="lora")),
            learning_rate=self.learning_rate,
            seed=0,
            recipe=settings,
            measures=("answers",),
        )

    def loaded(self, **recipe: Any) -> LoadedModel:
        """Return the fresh base model of the trial."""
        return self.the_kind().load(self.make_task(), self.trial(**recipe))

    def train(self) -> _Trained:
        """Train as a trial does."""
        kind, task, trial = self.the_kind(), self.make_task(), self.trial()
        loaded = kind.load(task, trial)
        method, objective = build(trial.method), kind.objective(loaded)
        context = kind.context(trial.recipe, trial.learning_rate, trial.seed, loaded.tokenizer, objective)
        torch.manual_seed(trial.seed)
        model = method.wrap(loaded.model, context)
        data = kind.training_data(task, trial, loaded)
        method.before_training(model, context, data.batches)
        torch.manual_seed(trial.seed)
        optimizer = method.optimizer(model, context)
        result = train(model, method, optimizer, data.batches, trial.recipe, objective=objective)
        return _Trained(method, model, result.losses, data)

    def trained(self) -> _Trained:
        """Return a finished training that all tests of the class look at."""
        if type(self) not in _FINISHED:
            _FINISHED[type(self)] = self.train()
        return _FINISHED[type(self)]

    def evaluated(self, method: Method, checkpoint: Path, limit: int | None = None) -> Evaluation:
        """Put the task to a saved method on a fresh base model."""
        asked = Asked(self.trial(), self.make_task(), method, checkpoint, limit)
        torch.manual_seed(0)
        return self.the_kind().evaluate(asked, self.loaded(), Phases(), lambda *_: None)

    def test_its_task_names_it(self) -> None:
        """It is found by its name and by its task, and asks audits for claims that there are."""
        kind = self.the_kind()
        assert kind_of(self.make_task()) is kind
        assert kind.name == self.kind
        assert kind.claims <= CLAIMS.keys()
        assert kind.fits(self.base_model)

    def test_any_base_model_fits_or_does_not(self) -> None:
        """`fits` answers for models of other kinds, too, and refuses in one line what is none."""
        for reference in _REFERENCES:
            assert self.the_kind().fits(reference) in {True, False}
        _refused_or_not(lambda: self.the_kind().fits("path:no/such/folder"))

    def test_the_model_without_weights_has_the_loaded_one_s_parameters(self) -> None:
        """`build` makes what `load` loads: parameters of the same names, shapes and dtypes."""
        kind, task, shape = self.the_kind(), self.make_task(), find_shape(self.base_model)
        for dtype in ("float32", "bfloat16"):
            with torch.device("meta"):
                built = skeleton(kind, shape, dtype, kind.config_for(task, shape.config))
            assert _parameters(built) == _parameters(self.loaded(dtype=dtype).model)

    def test_loading_twice_gives_the_same_model(self) -> None:
        """Evaluation gets the very base model that training had, to the last bit."""
        first, second = self.loaded().model.state_dict(), self.loaded().model.state_dict()
        assert first.keys() == second.keys()
        different = [name for name, value in first.items() if not torch.equal(value, second[name])]
        assert not different, f"different at the second loading: {different[:3]}"

    def test_the_same_seed_gives_the_same_batches(self) -> None:
        """Iterating again begins again, as does another call; the longest and the validation's are the same too."""
        kind, task, trial, loaded = self.the_kind(), self.make_task(), self.trial(), self.loaded()
        one, other = (kind.training_data(task, trial, loaded) for _ in range(2))
        for name in ("batches", "longest", "validation"):
            first = _some(getattr(one, name))
            assert first, f"{name}: no batch"
            _assert_same(first, _some(getattr(one, name)))
            _assert_same(first, _some(getattr(other, name)))
        assert one.num_left_out == other.num_left_out

    def test_a_batch_is_rows_of_tensors(self) -> None:
        """A named tuple of tensors with one first dimension, so that its rows can be shared, that counts its terms."""
        for batch in _some(self.trained().data.batches):
            tensors = list(batch)
            assert len({len(tensor) for tensor in tensors}) == 1
            assert batch.num_terms > 0
            again = type(batch)(*(tensor[:1] for tensor in tensors))
            assert 0 < again.num_terms <= batch.num_terms
            assert type(batch.to(torch.device("cpu"))) is type(batch)

    def test_training_lowers_the_loss(self) -> None:
        """Both the training loss and the validation loss, which are means over loss terms, are finite."""
        trained, loaded = self.trained(), self.loaded()
        assert min(trained.losses[-3:]) < trained.losses[0], trained.losses
        objective = self.the_kind().objective(loaded)
        assert math.isfinite(validation_loss(loaded.model, trained.data.validation, objective))

    def test_the_same_trial_gives_the_same_losses(self) -> None:
        """Training twice gives the same numbers to the last bit."""
        assert self.train().losses == self.trained().losses

    def test_every_item_is_scored_and_the_same_twice(self, tmp_path: Path) -> None:
        """Ids are all different, each item has the declared values, and a limit asks the first items alone."""
        method, card = self._saved(tmp_path), self.make_task().card
        first, second = (self.evaluated(method, tmp_path / "saved") for _ in range(2))
        assert list(first.items) == list(second.items)
        assert len({item.item_id for item in first.items}) == len(first.items) > 1
        names = {metric.name for metric in card.metrics if metric.per == "item"}
        for item in first.items:
            assert names <= item.scores.keys()
            assert all(math.isfinite(value) for value in item.scores.values())
        assert {metric.name for metric in card.metrics} <= first.metrics.keys()
        assert first.metrics["answers_per_second"] > 0
        assert card.main_metric.name in first.standard_errors
        limited = self.evaluated(method, tmp_path / "saved", limit=1).items
        assert 0 < len(limited) < len(first.items)
        assert [item.item_id for item in limited] == [item.item_id for item in first.items[: len(limited)]]

    def test_what_is_saved_answers_as_what_was_trained(self, tmp_path: Path) -> None:
        """On a fresh base model it has the trained model's loss, which is not the base's, and its answers."""
        method, trained, objective = self._saved(tmp_path), self.trained(), self.the_kind().objective(self.loaded())
        reloaded = method.load(self.loaded().model, tmp_path / "saved")
        models = (trained.model, reloaded, self.loaded().model)
        expected, found, base = (validation_loss(model, trained.data.validation, objective) for model in models)
        assert math.isclose(found, expected, rel_tol=1e-5)
        assert not math.isclose(found, base, rel_tol=1e-5)
        kept = copy.copy(method)
        vars(kept)["load"] = lambda model, folder: trained.model.eval()  # noqa: ARG005
        answered = self.evaluated(method, tmp_path / "saved").items
        assert list(answered) == list(self.evaluated(kept, tmp_path / "saved").items)

    def test_a_batch_for_an_estimate_goes_through_the_model(self) -> None:
        """Where there is one, it is of the size asked for, and its loss has gradients."""
        kind = self.the_kind()
        shown = kind.shown(kind.tokenizer(self.base_model), 32) if kind.sees else None
        sizes = BatchSize((Lengths(3, 5), Lengths(2, 4)), torch.float32, text_length=4, resolution=32, shown=shown)
        workload = kind.workload(find_shape(self.base_model).config, sizes)
        if workload is None:
            return
        model, batch = self.loaded().model.train().requires_grad_(True), next(iter(workload.batches))
        assert {len(tensor) for tensor in batch} == {2}
        loss = workload.objective(model, batch.to(next(model.parameters()).device))
        assert math.isfinite(loss.item())
        loss.backward()  # type: ignore[no-untyped-call]
        assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in model.parameters())

    def test_an_audit_has_something_to_audit(self) -> None:
        """Where there is a subject, it is of this kind, and its loss and its outputs are finite."""
        subject = self.the_kind().subject(None, tied=False)
        if subject is None:
            return
        assert subject.kind is self.the_kind()
        model = subject.fresh().model
        assert math.isfinite(subject.objective(model, subject.batch.to(next(model.parameters()).device)).item())
        outputs = subject.probe.outputs(model, [0, 1])
        assert len(outputs) == 2
        assert torch.isfinite(outputs).all()

    def test_what_cannot_be_used_is_refused_in_one_line(self) -> None:
        """The check accepts the trial itself; anything else is accepted or refused, and nothing is raised."""
        kind, task, trial = self.the_kind(), self.make_task(), self.trial()
        tokenizer = kind.tokenizer(self.base_model)
        kind.check(task, trial, tokenizer, read_general_text)
        shortest = self.trial(max_length=8)
        _refused_or_not(lambda: kind.check(task, shortest, tokenizer, read_general_text))
        nowhere = trial.model_copy(update={"base_model": "path:no/such/folder"})
        assert "no/such/folder" in refusal(lambda: kind.load(task, nowhere))
        shape = find_shape(self.base_model)
        nonsense = {**shape.config, "model_type": "no-such-type", "_class_name": "NoSuchClass"}
        assert "\n" not in refusal(lambda: skeleton(kind, shape, "float32", nonsense))

    def _saved(self, folder: Path) -> Method:
        """Save what was trained into a folder's "saved", and return a new instance of the method."""
        self.trained().method.save(self.trained().model, folder / "saved")
        return build(self.trial().method)


def _parameters(model: nn.Module) -> dict[str, tuple[torch.Size, torch.dtype]]:
    return {name: (value.shape, value.dtype) for name, value in model.named_parameters()}


def _some(batches: Iterable[DataBatch]) -> list[Any]:
    return list(islice(batches, _NUM_BATCHES))


def _assert_same(one: Sequence[Iterable[Tensor]], other: Sequence[Iterable[Tensor]]) -> None:
    for first, second in zip(one, other, strict=True):
        assert all(torch.equal(mine, its) for mine, its in zip(first, second, strict=True))


def _refused_or_not(call: Callable[[], object]) -> None:
    problem = ""
    try:
        call()
    except InputError as error:
        problem = str(error)
    assert "\n" not in problem
