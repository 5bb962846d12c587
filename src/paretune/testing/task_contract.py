"""What every task in words promises, as tests that a task's author inherits."""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, get_args

from paretune.tasks import Example, Split, Task, get_task
from paretune.tasks.scoring import Scored, score_all
from paretune.testing.options_contract import OptionsContract
from paretune.testing.says import Says

_SPLITS: tuple[Split, ...] = get_args(Split)
_NUM_LOOKED_AT = 30
_PIECES = (
    "", " ", "\n", "\0", "0", "-1", "1/0", "1e999", "#### 12", "The answer is", "$\\boxed{", "}", "((", "\\frac{1}{",
    "%", "yes", "A", "ä", "日本", "\ud800", "🙂", "NaN", "null", '{"a": [', "9" * 5000, "a b " * 500,
)  # fmt: skip


class TaskContract(OptionsContract):
    """Inherit from it in a class whose name begins with `Test`, set `task`, and let pytest find it.

    No model is needed. A task that needs data sets `options`, in the class or in a fixture.
    """

    unreached: ClassVar[tuple[str, ...]] = ()
    """Metrics of which references need not have the best value there is."""

    def make(self, **options: Any) -> Task:
        """Return a new instance of the task."""
        return get_task(self.task, {**self.options, **options})

    def some(self, task: Task) -> Iterator[Example]:
        """Yield the first examples of each split."""
        for split in _SPLITS:
            yield from task.examples(split)[:_NUM_LOOKED_AT]

    def test_the_same_options_give_the_same_data(self) -> None:
        """Two instances yield the same examples in the same order, and so the same content hash."""
        one, other = self.make(), self.make()
        for split in _SPLITS:
            assert list(one.examples(split)) == list(other.examples(split))
            assert list(one.examples(split)) == list(one.examples(split))
        assert one.content_hash == other.content_hash
        assert one.spec() == other.spec()

    def test_splits_are_apart_and_no_id_comes_twice(self) -> None:
        """No prompt is in two splits with the same picture, and items of a split can be told apart."""
        task = self.make()
        prompts = {split: {(one.prompt, one.picture) for one in task.examples(split)} for split in _SPLITS}
        for split in _SPLITS:
            assert prompts[split], f"{split} is empty"
            ids = [example.id for example in task.examples(split)]
            assert len(set(ids)) == len(ids), f"ids that come twice in {split}"
            shared = [other for other in _SPLITS if other != split and prompts[split] & prompts[other]]
            assert not shared, f"prompts of {split} are in {shared} too"

    def test_what_is_no_text_is_in_no_example(self) -> None:
        """Prompts, completions and targets are text; what training shows ends in a completion."""
        for example in self.some(self.make()):
            assert all(isinstance(part, str) for part in example[:5])
            assert example.prompt
            assert example.completion

    def test_score_never_raises_and_gives_the_declared_metrics(self) -> None:
        """For any text: finite values within their bounds, the same each time, one for each metric.

        Metrics that no text is read for are given by `ask`.
        """
        task = self.make()
        declared = {metric.name: metric for metric in task.card.metrics if metric.per == "item"}
        asks_otherwise = type(task).ask is not Task.ask
        first = task.examples("test")[:1]
        assert task.ask(Says([""], first), first)[0].values.keys() == declared.keys()
        for example in [*self.some(task)][::10]:
            for text in arbitrary_texts():
                found = task.score(text, example)
                assert found.keys() <= declared.keys() if asks_otherwise else found.keys() == declared.keys(), text
                assert found == task.score(text, example), text
                for name, value in found.items():
                    assert math.isfinite(value), (name, text)
                    assert declared[name].within(value) == value, (name, value, text)

    def test_corpus_metrics_are_those_that_are_declared(self) -> None:
        """Each metric declared per corpus has its function, which takes any text that a model writes."""
        task = self.make()
        declared = {metric.name for metric in task.card.metrics if metric.per == "corpus"}
        assert set(task.corpus_metrics) == declared
        examples = [*self.some(task)]
        texts = [text for _, text in zip(examples, [*arbitrary_texts()] * len(examples), strict=False)]
        found = _said(task, examples[: len(texts)], texts)
        assert found.metrics.keys() == {metric.name for metric in task.card.metrics}
        for metric in task.card.metrics:
            assert math.isfinite(found.metrics[metric.name])
            assert metric.per == "item" or metric.within(found.metrics[metric.name]) == found.metrics[metric.name]

    def test_references_score_best(self) -> None:
        """What training shows after a prompt is at least as good an answer as any other, by every metric."""
        task = self.make()
        examples = [*self.some(task)]
        best = _said(task, examples, [example.completion for example in examples])
        for example, item in zip(examples, best.items, strict=True):
            for text in [*arbitrary_texts()][::5]:
                other = task.score(text, example)
                for metric in task.card.metrics:
                    if metric.name in other and metric.name not in self.unreached:
                        assert metric.reaches(item.scores[metric.name], other[metric.name]), (metric.name, text)
        for metric in task.card.metrics:
            most = metric.low if metric.lower_is_better else metric.high
            if most is not None and metric.name not in self.unreached:
                value = best.metrics[metric.name]
                assert math.isclose(value, most, abs_tol=1e-9), f"{metric.name} of the references is {value}"

    def test_no_stop_text_ends_a_reference(self) -> None:
        """An answer ends before the first of `stop`: no reference holds one of them before its own end."""
        task = self.make()
        for example in self.some(task):
            found = [stop for stop in task.stop if stop in example.completion]
            assert not found, f"{example.id}: its completion holds {found}"


def _said(task: Task, examples: Sequence[Example], texts: Sequence[str]) -> Scored:
    """Return what a task says of a model that writes these texts."""
    return score_all(task, examples, task.ask(Says(texts, examples), examples))


def arbitrary_texts(number: int = 60) -> Iterator[str]:
    """Yield what models may write, always the same: odd pieces, alone and joined."""
    yield from _PIECES
    draw = random.Random("what a model writes")
    for _ in range(number - len(_PIECES)):
        yield "".join(draw.choices(_PIECES, k=draw.randint(2, 6)))
