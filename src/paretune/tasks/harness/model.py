"""A model of ours as lm-eval sees one, and the run of a task's requests."""

from collections.abc import Sequence
from typing import Any

from paretune.spec import InputError
from paretune.tasks.asking import Continuation, Respondent
from paretune.tasks.harness.source import writing_of


def as_lm_eval_model(model: Respondent, task: str) -> Any:
    """Return a model as an `lm_eval.api.model.LM`: it scores texts and writes as in every other task of a study."""
    from lm_eval.api.model import LM

    class AskedModel(LM):  # type: ignore[misc] # lm-eval is not typed
        """Answers requests by way of a respondent."""

        def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
            """Return the log-likelihood of each text after its context, and whether it is the greedy one."""
            losses = model.continuations([Continuation(*one.args[:2]) for one in requests])
            return [(-one.nats, one.greedy) for one in losses]

        def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:  # noqa: ARG002
            raise InputError(f'task "lm-eval:{task}": whole texts are not scored')

        def generate_until(self, requests: Sequence[Any]) -> list[str]:
            """Return what is written after each context, requests with the same settings together."""
            hows = [writing_of(task, one.args[1]) for one in requests]
            texts: dict[int, str] = {}
            for how in dict.fromkeys(hows):
                places = [place for place, one in enumerate(hows) if one == how]
                written = model.complete([requests[place].args[0] for place in places], how)
                texts.update(zip(places, written, strict=True))
            return [texts[place] for place in range(len(requests))]

    return AskedModel()


def answer_requests(model: Any, requests: Sequence[Any]) -> None:
    """Let a model answer requests, each as often as it asks for, and note the answers in them."""
    for kind in dict.fromkeys(one.request_type for one in requests):
        asked = [one for one in requests if one.request_type == kind for _ in range(one.repeats or 1)]
        for one, answer in zip(asked, getattr(model, kind)(asked), strict=True):
            one.resps.append(answer)
