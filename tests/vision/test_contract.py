"""The kind keeps what every kind promises: on pictures of one size, and on pictures as rows of patches."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from paretune.spec import IMAGE_TEXT, Recipe
from paretune.testing import KindContract


class TestLlava(KindContract):
    kind = IMAGE_TEXT
    task = "visual_questions"
    options: Mapping[str, Any] = {"train_size": 8, "validation_size": 4, "test_size": 4}
    recipe = Recipe(steps=8, batch_size=4, schedule="constant")

    @pytest.fixture(autouse=True)
    def _toy(self, toy: Callable[[str], str]) -> None:
        self.base_model = toy("llava")


class TestQwen(TestLlava):
    @pytest.fixture(autouse=True)
    def _toy(self, toy: Callable[[str], str]) -> None:
        self.base_model = toy("qwen")
