"""Kinds are found by name, by task and by configuration; plug-ins add to them and replace nothing."""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any, ClassVar

import pytest

from paretune import plugins
from paretune.kinds import kind_named, kind_of, kind_of_shape, kinds, registry
from paretune.kinds.causal_lm import CausalLm
from paretune.methods import KindTraits
from paretune.models import ModelShape, find_shape
from paretune.spec import CAUSAL_LM, CLAIMS, CLASSIFIER, DIFFUSION, IMAGE_TEXT, METRICS, InputError, TaskCard
from paretune.tasks import AnyTask, get_any_task
from paretune.tasks.word_problems import WordProblems


def shape(**config: Any) -> ModelShape:
    return ModelShape("x", {"model_type": "bert", **config}, "x/config.json", None)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, CAUSAL_LM),
        ({"architectures": ["GPT2LMHeadModel"]}, CAUSAL_LM),
        ({}, CAUSAL_LM),
        ({"architectures": ["BertForMaskedLM"]}, CLASSIFIER),
        ({"architectures": ["LlamaForSequenceClassification"]}, CLASSIFIER),
        ({"_class_name": "Flux2Transformer2DModel"}, DIFFUSION),
        ({"architectures": ["Qwen2VLForConditionalGeneration"]}, IMAGE_TEXT),
    ],
)
def test_a_configuration_says_which_kind_it_is_of(config: dict[str, Any], name: str) -> None:
    assert kind_of_shape(shape(**config)).name == name


@pytest.mark.parametrize("architecture", ["T5ForConditionalGeneration", "WhisperForConditionalGeneration"])
def test_a_configuration_of_no_known_kind_is_refused_in_one_line(architecture: str) -> None:
    with pytest.raises(InputError, match=f'x/config.json: a model of the kind "{architecture}" cannot be estimated'):
        kind_of_shape(shape(architectures=[architecture]))


def test_every_kind_asks_for_claims_that_there_are_and_has_something_to_audit() -> None:
    for kind in kinds():
        assert kind.claims <= CLAIMS.keys()
        subject = kind.subject(None, tied=False)
        assert subject is not None
        assert subject.kind is kind


def test_a_task_is_put_to_the_kind_that_it_names() -> None:
    assert kind_of(get_any_task("word_problems")).name == CAUSAL_LM
    assert kind_of(get_any_task("image_concept")).name == DIFFUSION
    assert get_any_task("image_concept").spec().kind == DIFFUSION


def test_an_unknown_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r'unknown kind of model "difusion" \(did you mean "diffusion"'):
        kind_named("difusion")


class Kindless(AnyTask):
    """A task of no kind."""

    card: ClassVar[TaskCard] = TaskCard(
        name="kindless", version="1", description="", source="", licence="", metrics=(METRICS["accuracy"],)
    )
    content_hash = "0"


class Misplaced(Kindless):
    """A task that gives what no classifier can use."""

    kind = CLASSIFIER


def test_a_task_without_a_kind_or_with_another_s_form_is_refused() -> None:
    with pytest.raises(InputError, match='task "kindless": its class names no kind of model; set kind to one of'):
        kind_of(Kindless())
    with pytest.raises(InputError, match=r"are subclasses of paretune.tasks.classification.ClassificationTask"):
        kind_of(Misplaced())


class Diary(CausalLm):
    """A kind of somebody else's."""

    traits: ClassVar[KindTraits] = KindTraits("diary", "CAUSAL_LM")


class Imposter(CausalLm):
    """A kind that would take the place of one of ours."""


class DiaryTask(WordProblems):
    """A task of that kind."""

    kind = "diary"


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Offer entry points of the group of kinds."""

    def offer(**points: str) -> None:
        found = EntryPoints(
            EntryPoint(name.replace("_", "-"), f"tests.kinds.test_registry:{value}", registry.PLUGIN_GROUP)
            for name, value in points.items()
        )
        monkeypatch.setattr(plugins, "entry_points", lambda group: found.select(group=group))
        plugins.forget_plugins()
        registry._all.cache_clear()

    yield offer
    plugins.forget_plugins()
    registry._all.cache_clear()


def test_a_plugin_adds_a_kind(offered: Callable[..., None]) -> None:
    offered(diary="Diary")
    assert [kind.name for kind in kinds()] == [CAUSAL_LM, CLASSIFIER, DIFFUSION, IMAGE_TEXT, "diary"]
    assert type(kind_of(DiaryTask())) is Diary


def test_a_plugin_replaces_no_kind(offered: Callable[..., None]) -> None:
    offered(causal_lm="Imposter")
    with pytest.warns(UserWarning, match='"causal-lm" is left out: Paretune has something of that name'):
        assert type(kind_named(CAUSAL_LM)) is CausalLm


def test_a_kind_is_found_by_the_name_that_it_gives_itself(offered: Callable[..., None]) -> None:
    offered(journal="Diary")
    with pytest.warns(UserWarning, match='"journal" is left out: its kind is called "diary"; give both one name'):
        assert len(kinds()) == 4


def test_the_toy_is_a_language_model() -> None:
    assert kind_of_shape(find_shape("toy:llama")).name == CAUSAL_LM
