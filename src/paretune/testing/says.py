"""A model that says what it is told to, for tests of tasks and metrics."""

from collections.abc import Sequence

from paretune.tasks import Example, Loss
from paretune.tasks.asking import Continuation, Writing


class Says:
    """Writes given texts, and finds the references of given examples certain and everything else unlikely."""

    def __init__(self, texts: Sequence[str], examples: Sequence[Example]) -> None:
        self._texts = texts
        self._targets = {example.id: example.target for example in examples}
        self._completions = {example.prompt + example.completion for example in examples}

    def write(self, examples: Sequence[Example]) -> list[str]:
        """Return the texts, for any questions."""
        assert len(examples) == len(self._texts)
        return list(self._texts)

    def losses(self, examples: Sequence[Example]) -> list[Loss]:
        """Return 0 nats for a reference, and 1 a letter for another completion."""
        return [
            Loss(0.0 if one.target == self._targets[one.id] else float(len(one.target)), len(one.target) + 1)
            for one in examples
        ]

    def continuations(self, asked: Sequence[Continuation]) -> list[Loss]:
        """Return 0 nats for the text of a reference, and 1 a letter for another."""
        return [
            Loss(0.0, len(one.text), greedy=True)
            if one.context + one.text in self._completions
            else Loss(float(len(one.text)), len(one.text))
            for one in asked
        ]

    def complete(self, contexts: Sequence[str], how: Writing) -> list[str]:  # noqa: ARG002
        """Return the texts, for any contexts."""
        assert len(contexts) == len(self._texts)
        return list(self._texts)
