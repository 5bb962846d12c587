"""Every method that says so answers in a pool of rows as it does one question at a time, token for token."""

from functools import partial
from importlib.util import find_spec
from typing import Any

import pytest

from paretune.audit import everything
from paretune.engine import answer, generator_for
from paretune.engine.pool import answer_in_pool
from paretune.methods import build
from paretune.methods.capabilities import answering_of
from paretune.methods.requirements import accelerator_reason, extra_packages
from paretune.models import toy
from paretune.spec import MethodSpec, Recipe
from paretune.testing import ToyTraining

RECIPE = Recipe(steps=3, batch_size=4, warmup_ratio=0.0)
SHOTS = "7 + 1 = 8\n"
QUESTIONS = [f"{'1 + ' * (5 * number % 6)}{number} =" for number in range(7)]
STOPS = ("V", "9", "i")
OUTSIDE = {"alora", "xlora", "shadow", "prefix-tuning", "prefix-tuning-random", "prefix-tuning-projection"} | {
    "prefix-tuning-text", "cartridge", "cartridge-text",
}  # fmt: skip
"""Those of which something stands outside tokens, positions, mask and cache."""

pytestmark = pytest.mark.filterwarnings("ignore")


def batched() -> list[MethodSpec]:
    """Return the methods that are not evaluated with batch size 1."""
    return [spec for spec in everything() if not answering_of(spec, False).alone]


@pytest.mark.parametrize("spec", batched(), ids=lambda spec: spec.label)
def test_answers_are_the_same(spec: MethodSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(spec).pools_answers == (spec.label not in OUTSIDE)
    needed = extra_packages(spec.peft_type, spec.parameters)
    if accelerator_reason(spec.peft_type, spec.parameters) or not all(find_spec(package.module) for package in needed):
        pytest.skip("it needs an accelerator or a package that is not here")
    if spec.label in OUTSIDE:
        return
    monkeypatch.setattr(toy, "toy_model", partial(toy.toy_model, 0.1))  # attention that looks at some tokens more
    run = ToyTraining(spec.name, spec.parameters, learning_rate=3e-3, recipe=RECIPE)
    run.train()
    assert generator_for(run.model, RECIPE, rows_may_change=True) == "pooled"
    tokenizer = run.context.tokenizer
    prompts = [tokenizer(SHOTS + question)["input_ids"] for question in QUESTIONS]
    limits: dict[str, Any] = {"max_new_tokens": 8, "stop": STOPS}
    alone = answer(run.model, tokenizer, prompts, batch_size=1, **limits)
    assert answer_in_pool(run.model, tokenizer, prompts, batch_size=3, **limits) == alone
