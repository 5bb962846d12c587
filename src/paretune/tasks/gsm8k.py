"""Grade-school mathematics: train on MetaMathQA, or on data in the same form, and answer the test set of GSM8K.

One row of GSM8K (columns `question` and `answer`); MetaMathQA's columns are `query` and `response`:

    prompt      Question: A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total
                does it take? Think step by step.
                Answer:
    completion   It takes 2/2=1 bolt of white fiber
                So the total amount of fabric is 2+1=3 bolts of fabric
                #### 3
    target      3
    group       all

The validation questions come out of GSM8K's training set. MetaMathQA is made from that very set, so its rows that stem
from a validation question are left out.
"""

import re
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, TaskCard
from paretune.tasks.base import Example, Score, Split, Task
from paretune.tasks.final_answer import final_answer, number_in, same_number
from paretune.tasks.options import TRUTH, or_null, text_with, texts, whole_number
from paretune.tasks.published_rule import right_by_published_rule
from paretune.tasks.rows import Row, first_rows, read_rows

_GSM8K = "hub:openai/gsm8k@740312add88f781978c0658806c59bc2815b9866:main"
_METAMATH = "hub:meta-math/MetaMathQA@aa4f34d3d2d3231299b5b03d9b3e5a20da45aa18:MetaMathQA-395K.json"
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_VERIFY_SECONDS = 5
PUBLISHED_VALIDATION_SIZE = 50
"""The first N validation questions are those of peft's method comparison: the group "first 50"."""


class Gsm8k(Task):
    """Word problems of two to eight steps."""

    card: ClassVar[TaskCard] = TaskCard(
        name="gsm8k",
        version="1",
        description="Grade-school word problems: train on MetaMathQA, validate on GSM8K's training set, test on its "
        "test set. Answers are scored by our own rule (strict), by math-verify (lenient), and by the rule of peft's "
        "comparison.",
        source=f"{_METAMATH}; {_GSM8K}; or files in the same form",
        licence="MIT",
        metrics=(METRICS["accuracy"], METRICS["accuracy_lenient"], METRICS["accuracy_published"]),
    )
    default_options: ClassVar[dict[str, Any]] = {
        "train": _METAMATH,
        "validation": f"{_GSM8K}/train-00000-of-00001.parquet",
        "test": f"{_GSM8K}/test-00000-of-00001.parquet",
        "template": "Question: {query} Think step by step.\nAnswer:",
        "separator": " ",
        "max_characters": 1300,
        "validation_size": 500,
        "clean_validation": True,
        "train_size": None,
        "test_size": None,
        "max_new_tokens": 300,
        "stop": ["\nQuestion:"],
    }
    about_options = {
        "train": "Training data: hub:DATASET@REVISION:FILE or a file, with columns query and response.",
        "validation": "Data that the validation questions are drawn from, with columns question and answer.",
        "test": "Test data, in the same form.",
        "template": "The prompt; {query} is the place of the question.",
        "separator": "Text between prompt and answer.",
        "max_characters": "Training examples with more characters are left out.",
        "validation_size": "Validation questions.",
        "clean_validation": "Leave out training examples that are made from a validation question.",
        "train_size": "Use the first N training examples only; null for all.",
        "test_size": "Use the first N test questions only; null for all.",
        "max_new_tokens": "Longest answer that is generated, in tokens.",
        "stop": "Generation ends before the first of these texts.",
    }
    option_kinds = {
        **dict.fromkeys(("validation_size", "max_new_tokens", "max_characters"), whole_number()),
        **dict.fromkeys(("train_size", "test_size"), or_null(whole_number())),
        "template": text_with("{query}", "where the question goes"),
        "clean_validation": TRUTH,
        "stop": texts(0),
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    locations = ("train", "validation", "test")
    max_new_tokens = 300

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.max_new_tokens = self.options["max_new_tokens"]  # type: ignore[misc] # here they depend on the options
        self.stop = tuple(self.options["stop"])  # type: ignore[misc]

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` naming file, row and column for what cannot be read."""
        return {"train": self._train, "validation": self._validation, "test": self._test}[split]

    def score(self, text: str, example: Example) -> Score:
        """Strict: the number after the last mark. Lenient: math-verify. Published: as peft's comparison counts."""
        said, wanted = final_answer(text), number_in(example.target)
        strict = said is not None and wanted is not None and same_number(said, wanted)
        published = right_by_published_rule(example.prompt + text, example.target)
        return Score(strict, strict or _verified(text, example.target), published)

    @cached_property
    def _test(self) -> tuple[Example, ...]:
        rows = first_rows(self.options["test"], self.options["test_size"])
        return tuple(self._example("test", row, "all") for row in rows)

    @cached_property
    def _validation(self) -> tuple[Example, ...]:
        """A shuffle that is the same for every seed: the first 50 are those that peft's comparison draws."""
        import numpy as np

        rows = list(read_rows(self.options["validation"]))
        size = self.options["validation_size"]
        if size >= len(rows):
            raise InputError(
                f'task "gsm8k": option validation_size = {size} leaves none of {len(rows)} questions of '
                f"{self.options['validation']} for training"
            )
        order = np.arange(len(rows))
        np.random.RandomState(0).shuffle(order)
        chosen = [rows[int(index)] for index in order[:size]]
        cut = PUBLISHED_VALIDATION_SIZE
        return tuple(
            self._example("validation", row, f"first {cut}" if place < cut else "others")
            for place, row in enumerate(chosen)
        )

    @cached_property
    def _train(self) -> tuple[Example, ...]:
        """Rows within the limit on characters; without those made from a validation question, if that is asked for."""
        taken = {self._question(example) for example in self._validation} if self.options["clean_validation"] else set()
        kept: list[Example] = []
        for row in read_rows(self.options["train"]):
            question, answer = self._pair("train", row)
            origin = row.value.get("original_question") or question
            too_long = len(f"{question} {answer}") > self.options["max_characters"]
            if not too_long and origin not in taken and question not in taken:
                kept.append(self._example("train", row, "all"))
            if len(kept) == self.options["train_size"]:
                break
        if not kept:
            raise InputError(f'task "gsm8k": no row of {self.options["train"]} is left for training')
        return tuple(kept)

    def _example(self, split: Split, row: Row, group: str) -> Example:
        question, answer = self._pair(split, row)
        target = answer.rpartition("####" if "####" in answer else "answer is")[2].strip(" :\n").split("\n")[0]
        if split != "train" and number_in(target) is None:
            raise InputError(f"{self.options[split]}, row {row.number}: no number after #### at the end of the answer")
        prompt = self.options["template"].replace("{query}", question)
        return Example(f"{split}-{row.number}", prompt, self.options["separator"] + answer, target, group)

    def _question(self, example: Example) -> str:
        before, _, after = self.options["template"].partition("{query}")
        return example.prompt[len(before) : len(example.prompt) - len(after)]

    def _pair(self, split: Split, row: Row) -> tuple[str, str]:
        """Return question and answer, without the marks that GSM8K's answers carry for a calculator."""
        question = row.value.get("question", row.value.get("query"))
        answer = row.value.get("answer", row.value.get("response"))
        if not (isinstance(question, str) and question.strip() and isinstance(answer, str) and answer.strip()):
            present = ", ".join(map(str, row.value))
            raise InputError(
                f"{self.options[split]}, row {row.number}: no text in columns question and answer (or query and "
                f"response); the row has: {present}"
            )
        return question, _CALCULATOR.sub("", answer)


def _verified(text: str, target: str) -> bool:
    """Tell whether math-verify finds the target in a text. Never raises."""
    from math_verify import parse, verify

    # Its limit on time works by a signal, which only the main thread can have.
    main = threading.current_thread() is threading.main_thread()
    seconds: Any = _VERIFY_SECONDS if main else None
    wanted = parse(target, parsing_timeout=seconds)
    return bool(verify(wanted, parse(text, parsing_timeout=seconds), timeout_seconds=seconds))
