import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch

from paretune.engine import Divergence, Training, make_batches, rate_factor, train
from paretune.methods import Context, build, resolve
from paretune.models import load_model
from paretune.spec import MethodEntry, Recipe
from paretune.tasks import Example


def trained(
    examples: list[Example], recipe: Recipe, *, name: str = "lora", rate: float = 1e-2, seed: int = 0
) -> Training:
    toy = load_model("toy:llama")
    method = build(resolve(MethodEntry(name=name)))
    context = Context(recipe, rate, seed, toy.tokenizer)
    torch.manual_seed(seed)
    model = method.wrap(toy.model, context)
    batches = make_batches(examples, toy.tokenizer, recipe, seed)
    return train(model, method, method.optimizer(model, context), batches, recipe)


def test_the_loss_falls_and_the_same_seed_repeats_it_bit_by_bit(examples: list[Example], recipe: Any) -> None:
    first = trained(examples, recipe(steps=30))
    assert sum(first.losses[-5:]) < 0.9 * sum(first.losses[:5])
    assert trained(examples, recipe(steps=30)).losses == first.losses
    assert trained(examples, recipe(steps=30), seed=1).losses != first.losses


def test_accumulated_batches_are_one_larger_batch(examples: list[Example], recipe: Any) -> None:
    # Rows of unequal answer length: only weighing by tokens makes both the same. One large batch as four small ones.
    examples = examples[:16]
    whole = trained(examples, recipe(steps=1, batch_size=16))
    parts = trained(examples, recipe(steps=1, batch_size=4, gradient_accumulation=4))
    assert parts.losses[0] == pytest.approx(whole.losses[0], rel=1e-5)
    whole = trained(examples, recipe(steps=3, batch_size=16, warmup_ratio=0))
    parts = trained(examples, recipe(steps=3, batch_size=4, gradient_accumulation=4, warmup_ratio=0))
    assert parts.losses == pytest.approx(whole.losses, rel=1e-4)


def test_gradient_checkpointing_changes_nothing_but_memory(examples: list[Example], recipe: Any) -> None:
    plain = trained(examples, recipe(steps=3))
    saving = trained(examples, recipe(steps=3, gradient_checkpointing=True))
    assert saving.losses == pytest.approx(plain.losses, rel=1e-5)


@pytest.mark.parametrize(
    "settings", [{"compile": True}, {"compile": "blocks"}, {"compile": "blocks", "loss_chunks": 4}, {"loss_chunks": 4}]
)
def test_compiled_blocks_and_losses_in_chunks_teach_the_same(
    examples: list[Example], recipe: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    # The graph is captured and run as it is: what a compiler makes of it is not ours to test, and takes minutes.
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: compile_module(self, backend="eager", **how))
    plain = trained(examples, recipe(steps=2))
    compiled = trained(examples, recipe(steps=2, **settings))
    assert compiled.losses == pytest.approx(plain.losses, rel=1e-4)


def test_a_rate_out_of_all_bounds_is_a_divergence(examples: list[Example], recipe: Any) -> None:
    with pytest.raises(Divergence) as caught:
        trained(examples, recipe(steps=10, optimizer="sgd", max_grad_norm=1e30), name="full", rate=1e30)
    assert caught.value.step < 10


def test_callers_hear_of_every_step(examples: list[Example], recipe: Any) -> None:
    toy = load_model("toy:llama")
    method = build(resolve(MethodEntry(name="lora")))
    context = Context(recipe(), 1e-3, 0, toy.tokenizer)
    model = method.wrap(toy.model, context)
    heard: list[tuple[int, float, float]] = []
    batches = make_batches(examples, toy.tokenizer, recipe(), 0)
    result = train(
        model, method, method.optimizer(model, context), batches, recipe(), on_step=lambda *step: heard.append(step)
    )  # fmt: skip
    assert heard == list(zip(range(4), result.losses, result.step_seconds, strict=True))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_rate_rises_to_its_peak_and_every_step_counts(schedule: str) -> None:
    recipe = Recipe.model_validate({"steps": 40, "schedule": schedule})
    factors = [rate_factor(step, recipe) for step in range(40)]
    assert factors[:4] == sorted(factors[:4])
    assert factors[4] == max(factors) == 1.0
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[4:] == sorted(factors[4:], reverse=True)


def test_two_processes_compute_what_one_does(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import os
        from accelerate import PartialState
        from tests.engine.test_train import trained
        from paretune.spec import Recipe
        from paretune.tasks import Example
        examples = [Example(str(n), f"Add {'1 + ' * (n % 7)}{n}:", f" {n % 7 + n}.", "0", "all") for n in range(40)]
        losses = trained(examples, Recipe(steps=4, batch_size=4, gradient_accumulation=2)).losses
        if os.environ.get("RANK", "0") == "0":
            print(*losses, flush=True)
        PartialState().destroy_process_group()
    """)
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}

    def losses(*command: str) -> list[float]:
        done = subprocess.run(
            [sys.executable, *command, str(script)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [float(value) for value in done.stdout.split()]

    alone = losses()
    together = losses("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")
    assert len(alone) == 4
    assert together == pytest.approx(alone, rel=1e-4)
