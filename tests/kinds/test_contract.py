"""The kinds that come with Paretune keep what every kind promises. The plug-in's kind does so in its own package."""

from collections.abc import Mapping
from typing import Any

import pytest

from paretune.spec import CAUSAL_LM, CLASSIFIER, DIFFUSION, ImageRecipe, Recipe
from paretune.tasks import AnyTask
from paretune.testing import KindContract
from tests.images.conftest import MINI_OPTIONS, use_stand_in_judge
from tests.kinds.first_letter import FirstLetter


class TestCausalLm(KindContract):
    kind = CAUSAL_LM
    task = "word_problems"
    options: Mapping[str, Any] = {"train_size": 16, "validation_size": 4, "test_size": 4}


class TestClassifierOfADecoder(KindContract):
    kind = CLASSIFIER

    def make_task(self) -> AnyTask:
        return FirstLetter()


class TestClassifierOfAnEncoder(TestClassifierOfADecoder):
    @pytest.fixture(autouse=True)
    def _encoder(self, encoder: str) -> None:
        self.base_model = encoder


class TestDiffusion(KindContract):
    kind = DIFFUSION
    task = "image_concept"
    options = MINI_OPTIONS
    base_model = "shipped:drawings"
    recipe = Recipe(steps=16, batch_size=4, schedule="constant", image=ImageRecipe(sampling_steps=2))
    learning_rate = 2e-3

    @pytest.fixture(autouse=True)
    def _judge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_stand_in_judge(monkeypatch)
