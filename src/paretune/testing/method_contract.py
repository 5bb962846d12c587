"""What every method promises, as tests that a method's author inherits."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from paretune.engine import GENERATORS, Training
from paretune.methods import build, check_method, resolve
from paretune.spec import MethodEntry, Recipe
from paretune.testing.refusal import refusal
from paretune.testing.toy_training import BASE_MODEL, RECIPE, ToyTraining, fresh_base, toy_logits


class _Trained(NamedTuple):
    run: ToyTraining
    result: Training


_FINISHED: dict[type, _Trained] = {}


class MethodContract:
    """Inherit from it in a class whose name begins with `Test`, set `method`, and let pytest find it.

    All tests run on a model of two layers that is built in memory.
    """

    method: ClassVar[str]
    """The name by which a study asks for the method."""
    parameters: ClassVar[Mapping[str, Any]] = {}
    """Parameters that differ from the method's defaults, such as sizes that fit a model of width 64."""
    learning_rate: ClassVar[float | None] = 1e-2
    """The rate to train with; None for the method's own prior."""
    recipe: ClassVar[Recipe] = RECIPE
    tolerance: ClassVar[float] = 2e-5
    """How far logits may be from those before the reload."""
    may_rest: ClassVar[tuple[str, ...]] = ()
    """Parts of names of trainable parameters that need not move in a few steps."""

    @classmethod
    def start(cls, recipe: Recipe | None = None) -> ToyTraining:
        """Return the method attached and ready to train."""
        return ToyTraining(cls.method, cls.parameters, learning_rate=cls.learning_rate, recipe=recipe or cls.recipe)

    @classmethod
    def trained(cls) -> _Trained:
        """Return a finished training that all tests of the class look at."""
        if cls not in _FINISHED:
            run = cls.start()
            _FINISHED[cls] = _Trained(run, run.train())
        return _FINISHED[cls]

    def test_its_default_parameters_pass_the_check(self) -> None:
        """`check` accepts what the method itself asks for."""
        check_method(resolve(MethodEntry(name=self.method, parameters=dict(self.parameters))), _module_names())

    def test_an_unknown_parameter_is_refused_in_one_line(self) -> None:
        """`check` names what is wrong before anything is loaded."""
        entry = MethodEntry(name=self.method, parameters={**self.parameters, "no_such_parameter": 1})
        line = refusal(lambda: check_method(resolve(entry), _module_names()))
        assert "no_such_parameter" in line
        assert "\n" not in line

    def test_it_trains_something_and_in_float32(self) -> None:
        """`wrap` leaves trainable exactly what is trained, and small updates are not rounded away."""
        run, _ = self.trained()
        assert run.trainable
        optimized = {id(value) for group in run.optimizer.param_groups for value in group["params"]}
        named = dict(run.model.named_parameters())
        missing = [name for name in run.trainable if id(named[name]) not in optimized]
        assert not missing, f"trainable, but not in the optimizer: {missing[:3]}"
        assert {named[name].dtype for name in run.trainable} == {torch.float32}

    def test_the_same_seed_gives_the_same_start(self) -> None:
        """Initial values depend on the seed alone."""
        before, again = self.trained().run.before, self.start().before
        assert before.keys() == again.keys()
        different = [name for name, value in before.items() if not torch.equal(value, again[name])]
        assert not different, f"different at the second start: {different[:3]}"

    def test_the_same_trial_gives_the_same_losses(self) -> None:
        """Training twice gives the same numbers to the last bit."""
        assert self.start().train().losses == self.trained().result.losses

    def test_training_lowers_the_loss(self) -> None:
        """The task's own loss falls."""
        losses = self.trained().result.losses
        assert min(losses[-3:]) < losses[0], losses

    def test_what_is_trainable_moves_and_the_rest_stays(self) -> None:
        """Every trainable parameter changes; every other parameter keeps its value to the last bit."""
        run, _ = self.trained()
        named = dict(run.model.named_parameters())
        moved = {name for name, value in run.before.items() if _differs(value, named[name])}
        still = [name for name in run.trainable if name not in moved and not self._may_rest(name)]
        assert not still, f"trainable, but as it was: {still[:3]}"
        touched = sorted(moved - set(run.trainable))
        assert not touched, f"not trainable, but changed: {touched[:3]}"

    def test_it_saves_safetensors_and_json_and_nothing_else(self, tmp_path: Path) -> None:
        """Nothing is pickled."""
        run, _ = self.trained()
        run.method.save(run.model, tmp_path / "saved")
        suffixes = {path.suffix for path in (tmp_path / "saved").rglob("*") if path.is_file()}
        assert ".safetensors" in suffixes
        assert suffixes <= {".json", ".safetensors"}

    def test_it_leaves_its_spec_as_it_was(self, tmp_path: Path) -> None:
        """The spec is part of a trial's id: what a library changes of its parameters, it changes in a copy."""
        run, _ = self.trained()
        run.method.save(run.model, tmp_path / "saved")
        assert run.spec.canonical_json() == run.asked_for

    def test_it_reloads_to_the_same_logits(self, tmp_path: Path) -> None:
        """A new instance on a fresh base model says the same as the trained model, and something else than the base."""
        run, _ = self.trained()
        run.method.save(run.model, tmp_path / "saved")
        loaded = build(run.spec).load(fresh_base(self.recipe), tmp_path / "saved")
        assert not loaded.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        expected, found = toy_logits(run.model), toy_logits(loaded)
        torch.testing.assert_close(found, expected, atol=self.tolerance, rtol=1e-4)
        base = toy_logits(fresh_base(self.recipe))
        assert not torch.allclose(found[:, -base.shape[1] :], base, atol=1e-4)

    def test_a_folder_without_a_checkpoint_is_refused_by_name(self, tmp_path: Path) -> None:
        """`load` names the folder."""
        nothing = tmp_path / "nothing"
        method = build(self.trained().run.spec)
        assert str(nothing) in refusal(lambda: method.load(fresh_base(self.recipe), nothing))

    def test_it_trains_in_float32_on_a_base_in_bfloat16(self) -> None:
        """Trainable parameters are float32 and move, for each dtype of the base."""
        run = self.start(self.recipe.model_copy(update={"dtype": "bfloat16", "steps": 3}))
        named = dict(run.model.named_parameters())
        assert {named[name].dtype for name in run.trainable} == {torch.float32}
        run.train()
        assert any(_differs(run.before[name], named[name]) for name in run.trainable)

    def test_a_pool_answers_as_a_single_row(self) -> None:
        """A method with `pools_answers` answers the same with rows that join and leave."""
        run, _ = self.trained()
        prompts = [[*range(5, 9 + place)] for place in range(5)]
        write = partial(GENERATORS["transformers"], run.model, run.context.tokenizer, max_new_tokens=6)
        pool = partial(GENERATORS["pooled"], run.model, run.context.tokenizer, max_new_tokens=6)
        if run.method.pools_answers:
            assert pool(prompts, batch_size=2) == write(prompts, batch_size=1)

    def _may_rest(self, name: str) -> bool:
        return any(part in name for part in self.may_rest)


@cache
def _module_names() -> tuple[str, ...]:
    from paretune.kinds import module_names

    return tuple(module_names(BASE_MODEL))


def _differs(before: Tensor, after: Tensor) -> bool:
    """Return whether a parameter is another one now. One that has changed its shape is."""
    return before.shape != after.shape or not torch.equal(before, after)
