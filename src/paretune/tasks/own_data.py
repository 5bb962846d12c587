"""Your own data, in any common form: files, folders and data sets of the hub.

One row of each form (docs/guide/own-data.md has them all):

    {"prompt": "What is the capital of Peru?", "completion": "Lima"}
    {"instruction": "Translate into French.", "input": "Good day", "output": "Bonjour"}
    {"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}]}
    {"text": "Great film, go and see it", "label": "positive"}
    {"question": "2 + 2?", "choices": ["3", "4"], "answer": "B"}
    {"text": "Plain text, for language modelling."}
    {"image": "photos/17.jpg", "question": "What is sold here?", "answer": "Bread"}
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import IMAGE_TEXT, InputError, TaskCard
from paretune.tasks.asking import Answer, CorpusMetric, Respondent
from paretune.tasks.base import Example, Split, Task
from paretune.tasks.data.own import ALWAYS, OWN_ABOUT, OWN_KINDS, OWN_LOCATIONS, OWN_SIZES, SAME_GROUP, OwnRows
from paretune.tasks.metrics import ModelMetric, TextMetric, chosen_metrics
from paretune.tasks.metrics.calls import corpus_metrics_of, takes, values_of
from paretune.tasks.metrics.likelihood import Choice
from paretune.tasks.metrics.registry import declared_by, names_in
from paretune.tasks.metrics.words import ExactMatch
from paretune.tasks.options import TEXT, TRUTH, one_or_more_texts, or_null, or_text, whole_number

_PLAIN_TEXT_METRIC = "perplexity"
_CAPTION_METRICS = "f1,exact_match"
_STOP = ("\n\n", "\nQuestion:")


class OwnData(OwnRows, Task):
    """Prompts and completions, conversations, labelled texts or plain text; the option metric says what is scored."""

    card: ClassVar[TaskCard] = TaskCard(
        name="own_data",
        version="2",
        description="Your own data, in any common form. An answer is right when it equals the reference, apart from "
        "case and white space, or is scored by --metric.",
        source="a file, a folder or a data set of the hub, given by the option path",
        licence="yours",
        metrics=ExactMatch.metrics,
        cluster_meaning=SAME_GROUP,
    )
    default_options: ClassVar[dict[str, Any]] = {
        "path": None,
        "validation_path": None,
        "test_path": None,
        "prompt": None,
        "completion": None,
        "text": None,
        "label": None,
        "choices": None,
        "image_column": None,
        "image_prompt": None,
        "group": None,
        "split": None,
        "chat_template": True,
        "metric": ["exact_match"],
        "validation_fraction": 0.1,
        "test_fraction": 0.2,
        "max_validation": 500,
        "max_test": 1000,
        "max_new_tokens": None,
        "seed": 0,
    }
    about_options = {
        **OWN_ABOUT,
        "prompt": "Column of the prompts, or several as A,B; null: guessed, like the next three.",
        "completion": "Column of the completions.",
        "text": "Column of the texts, or several as A,B: with label to be labelled, alone for language modelling.",
        "label": "Column of the labels.",
        "choices": "Column with the list of answers to choose from, for the metric choice; null: all different "
        "completions of the data.",
        "image_column": "Column of the images, for models that read images and text: paths of files relative to the "
        "data's own, or the files themselves, as datasets writes them. Null: none, and the model is a language model.",
        "image_prompt": "What is asked about every image where no column asks; null: "
        '"Describe the image.", or of labels "What does the image show?".',
        "chat_template": "Show examples through the tokenizer's chat template, where it has one: true, false, or "
        "always, also where most prompts hold marks of a template.",
        "metric": "What is scored, the main metric first: exact_match, contains, f1, rouge_l, chrf, bleu, json, "
        "regex:PATTERN, choice, perplexity or a plug-in's; several as a list. Unless named: perplexity of plain text, "
        "choice of listed answers, f1 and exact_match of captions.",
        "max_new_tokens": "Longest answer that is generated, in tokens; null: what the longest reference needs.",
    }
    option_kinds = {
        **OWN_KINDS,
        **dict.fromkeys(("prompt", "completion", "text", "label", "choices"), or_null(TEXT)),
        **dict.fromkeys(("image_column", "image_prompt"), or_null(TEXT)),
        "chat_template": or_text(TRUTH, ALWAYS),
        "metric": one_or_more_texts(),
        "max_new_tokens": or_null(whole_number()),
    }
    size_options = OWN_SIZES
    earlier_names = {"prompt_column": "prompt", "completion_column": "completion"}
    locations = OWN_LOCATIONS
    later_options = ("metric", "choices", "image_column", "image_prompt")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._names_metric = "metric" in (options or {})
        self._require_path()
        if self.options["image_column"] is not None:
            self.kind = IMAGE_TEXT  # type: ignore[misc] # here it depends on the options
        elif self.options["image_prompt"] is not None:
            raise InputError('task "own_data": option image_prompt: name the column of the images with image_column')
        self._score_by(self.options["metric"])
        self.max_new_tokens = self.options["max_new_tokens"]  # type: ignore[misc]

    def _score_by(self, wanted: str | Sequence[str]) -> None:
        """Set what is scored, by the names of metrics. Raises `InputError` for one that there is not."""
        self.options["metric"] = names_in(wanted) if isinstance(wanted, str) else list(wanted)
        self.scorers = chosen_metrics(self.options["metric"], 'task "own_data", option metric')
        # Here these depend on the options.
        self.card = self.card.model_copy(update={"metrics": declared_by(self.scorers)})  # type: ignore[misc]
        self.generates = any(isinstance(one, TextMetric) for one in self.scorers)  # type: ignore[misc]

    def fit_options(self) -> None:
        """Score plain text by perplexity, listed answers by choice and captions by F1, where no metric is named.

        Raises `InputError` for plain text and a metric that reads answers.
        """
        kind = self._dataset.form.kind
        if kind == "choice" and not self._names_metric:
            self._score_by("choice")
        if kind == "pair" and self._dataset.form.asked and not self._names_metric:
            self._score_by(_CAPTION_METRICS)
        if kind != "text":
            return
        if not self._names_metric:
            self._score_by(_PLAIN_TEXT_METRIC)
        answered = [one.metrics[0].name for one in self.scorers if isinstance(one, TextMetric | Choice)]
        if answered:
            raise InputError(
                f'task "own_data", option metric: {", ".join(answered)}: plain text asks for no answers; score it by '
                f"{_PLAIN_TEXT_METRIC}, or name the columns of prompts and completions"
            )

    @cached_property
    def content_hash(self) -> str:
        """Hash over every example of every split."""
        return self._dataset.content_hash

    def examples(self, split: Split) -> Sequence[Example]:
        """Return the examples of a split. Raises `InputError` naming file, row and column for what cannot be read."""
        return self._dataset.examples(split, as_chat=bool(self.options["chat_template"]))

    @cached_property
    def stop(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the usual stop strings that no completion holds."""
        return tuple(text for text in _STOP if not self._dataset.holds(text))

    @cached_property
    def corpus_metrics(self) -> Mapping[str, CorpusMetric]:  # type: ignore[override]
        """How metrics of all answers together are computed."""
        return {name: how for one in self.scorers for name, how in corpus_metrics_of(one).items()}

    def score(self, text: str, example: Example) -> dict[str, float]:
        """Return the values of a text by the metrics that read texts.

        Raises `InputError` for a plug-in's metric that raises or does not give what it declares.
        """
        found = [values_of(one, text, example) for one in self.scorers if isinstance(one, TextMetric)]
        return {name: value for values in found for name, value in values.items()}

    def ask(self, model: Respondent, examples: Sequence[Example]) -> list[Answer]:
        """Let the model write where a metric reads texts, and ask it what the other metrics need."""
        found = [super().ask(model, examples)] if self.generates else []
        found += [one.ask(model, examples) for one in self.scorers if isinstance(one, ModelMetric)]
        return [_together(answers) for answers in zip(*found, strict=True)]

    def why_no_reference(self, example: Example) -> str | None:
        """Return what a reference must be for the metrics; None where this one is."""
        unfit = (one for one in self.scorers if not takes(one, example))
        return next((f"for {one.metrics[0].label} a reference must be {one.reference}" for one in unfit), None)


def _together(answers: Sequence[Answer]) -> Answer:
    """Return several answers to a question as one: what was written, or else chosen, with the values of all."""
    values = {name: value for one in answers for name, value in one.values.items()}
    readings = {name: reading for one in answers for name, reading in one.readings.items()}
    return Answer(next((one.text for one in answers if one.text), ""), values, readings)
