"""What tasks that ask for programs share: samples, the sandbox, pass@k, and what is said of all programs together."""

import os
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, ClassVar

from paretune.spec import InputError, Recipe
from paretune.tasks.asking import Answer, Respondent
from paretune.tasks.base import Example, Task
from paretune.tasks.code.judge import Verdict
from paretune.tasks.code.metrics import TESTS_PASSED, estimated_pass_at, pass_at
from paretune.tasks.code.sandbox import Limits, Sandbox, find_sandbox
from paretune.tasks.options import Kind, one_of, whole_number

_STOP = ("\ndef ", "\nclass ", "\nif ", "\nprint", "\n#", "\nassert", "\n```", "\n@", "\nfrom ", "\nimport ")
"""Where a function has ended: what begins at the first column after it."""
_VERDICTS_KEPT = 4096
_BETWEEN = "\n# --- next sample ---\n"

CODE_OPTIONS: dict[str, Any] = {"samples": 1, "k": [1], "sandbox": "bubblewrap", "processor_seconds": 3}
CODE_ABOUT = {
    "samples": "Programs that are drawn for each problem; more than one needs a temperature in the recipe.",
    "k": "The k of pass@k, the main metric first; none above the number of samples.",
    "sandbox": "What programs run in: bubblewrap, or limits (the operating system's limits and Python's audit hooks; "
    "for models that you trust).",
    "processor_seconds": "Processor time that a program may take for all tests of its problem.",
}
CODE_KINDS: dict[str, Kind] = {
    "samples": whole_number(),
    "k": Kind(
        "be a list of different whole numbers of at least 1",
        lambda value: (
            isinstance(value, list | tuple)
            and len(value) > 0
            and all(whole_number().fits(one) for one in value)
            and len(set(value)) == len(value)
        ),
    ),
    "sandbox": one_of("bubblewrap", "limits"),
    "processor_seconds": whole_number(),
}


class CodeTask(Task):
    """A task whose answers are programs. A subclass gives examples and judges one program."""

    stop: ClassVar[tuple[str, ...]] = _STOP
    max_new_tokens = 64

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        ks, samples = self.options["k"], self.options["samples"]
        if max(ks) > samples:
            raise InputError(
                f'task "{self.card.name}": option k = {list(ks)}: pass@{max(ks)} needs at least {max(ks)} samples of '
                f"each problem, and option samples is {samples}"
            )
        metrics = (*map(pass_at, ks), TESTS_PASSED)
        self.card = self.card.model_copy(update={"metrics": metrics})  # type: ignore[misc] # here it depends on options
        self._limits = Limits(processor_seconds=self.options["processor_seconds"])
        self._verdict = lru_cache(_VERDICTS_KEPT)(self._judged)
        self._reasons: Counter[str] = Counter()

    @abstractmethod
    def judge(self, program: str, example: Example, sandbox: Sandbox, limits: Limits) -> Verdict:
        """Return what the tests of an example say of a program: its beginning and what a model wrote after it."""

    def fit_options(self) -> None:
        """Raise `InputError` where programs cannot be run on this machine."""
        find_sandbox(self.options["sandbox"])

    def check_recipe(self, recipe: Recipe) -> None:
        """Raise `InputError` where several samples of a problem would all be the same."""
        if self.options["samples"] > 1 and not recipe.temperature:
            raise InputError(
                f'task "{self.card.name}": option samples = {self.options["samples"]} with a temperature of 0 draws '
                "the same program each time; set a temperature in the study's [recipe], such as 0.8"
            )

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Run one program, or the samples of a kept answer, against the tests of its problem."""
        return self._values([self._verdict(one, example) for one in text.split(_BETWEEN)])

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Let a model write programs, `samples` for each problem, and run each in the sandbox."""
        count = self.options["samples"]
        asked = [example for example in examples for _ in range(count)]
        texts = model.write(asked)
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            verdicts = list(workers.map(self._verdict, texts, asked))
        self._reasons = Counter(one.reason for one in verdicts)
        return [
            Answer(_BETWEEN.join(texts[place : place + count]), self._values(verdicts[place : place + count]))
            for place in range(0, len(texts), count)
        ]

    def about_answers(self) -> tuple[str, ...]:
        """Return what became of the programs, and where they ran."""
        if not self._reasons:
            return ()
        found = ", ".join(f"{count} {reason}" for reason, count in self._reasons.most_common())
        return (f"programs: {found}; run in {find_sandbox(self.options['sandbox']).words}",)

    def _judged(self, text: str, example: Example) -> Verdict:
        return self.judge(example.prompt + text, example, find_sandbox(self.options["sandbox"]), self._limits)

    def _values(self, verdicts: Sequence[Verdict]) -> dict[str, float]:
        count, passed = len(verdicts), sum(one.passed for one in verdicts)
        shares = [one.num_passed / one.num_tests for one in verdicts]
        values = {f"pass_at_{k}": estimated_pass_at(min(k, count), count, passed) for k in self.options["k"]}
        return values | {TESTS_PASSED.name: sum(shares) / count}
