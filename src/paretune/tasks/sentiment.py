"""Is a sentence positive or negative? Sentences of four sources, each rated by about 20 people.

One example and how it is judged:

    text      "An amateurish, quasi improvised acting exercise shot on ugly digital video."
    label     "negative": more than half of the people who rated it gave it a rating below zero
    group     "films", where it comes from
    right     the class that the head gives the most probability is "negative"
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import InputError, TaskCard
from paretune.tasks.base import Split
from paretune.tasks.classification import ClassificationTask, LabelledExample
from paretune.tasks.label_metrics import ACCURACY, MACRO_F1
from paretune.tasks.options import Kind, whole_number
from paretune.tasks.rated_sentences import SOURCES
from paretune.tasks.sentiment_sentences import labelled_sentences


class Sentiment(ClassificationTask):
    """Sentences that most of their raters found positive, or negative. What has no such majority is left out.

    Which split a sentence is in follows from its own text, or from those of its document and of its near duplicates, so
    that no option moves a sentence from one split to another. Within a split the order follows from the text as well:
    the first N are a random sample.
    """

    card: ClassVar[TaskCard] = TaskCard(
        name="sentiment",
        version="1",
        description="Tell positive from negative sentences of film reviews, tweets, product reviews and editorials, as "
        "rated by about 20 people each.",
        source="Hutto and Gilbert 2014 (ICWSM), from the source distribution of vaderSentiment 3.3.2",
        licence="MIT, as the package states it; the sentences are quoted from their authors",
        metrics=(ACCURACY, MACRO_F1),
        cluster_meaning="sentences of one document, or nearly the same ones; any other sentence stands for itself",
    )
    default_options: ClassVar[dict[str, Any]] = {
        "sources": list(SOURCES),
        "train_size": 2000,
        "validation_size": 500,
        "test_size": 2000,
    }
    about_options = {
        "sources": f"Where sentences come from, any of: {', '.join(SOURCES)}.",
        "train_size": "Sentences to learn from.",
        "validation_size": "Sentences of the validation split.",
        "test_size": "Sentences of the test split.",
    }
    size_options: ClassVar[dict[Split, str]] = {"validation": "validation_size", "test": "test_size"}
    option_kinds = {
        "sources": Kind(
            f"be a list of one or more of {', '.join(SOURCES)}, none twice",
            lambda value: (
                isinstance(value, list | tuple)
                and bool(value)
                and set(map(repr, value)) <= set(map(repr, SOURCES))
                and len(set(value)) == len(value)
            ),
        ),
        **dict.fromkeys(("train_size", "validation_size", "test_size"), whole_number()),
    }
    labels = ("negative", "positive")

    def examples(self, split: Split) -> Sequence[LabelledExample]:
        """Return the first sentences of a split. Raises `InputError` where it has fewer than the options ask for."""
        wanted = self.options[f"{split}_size"]
        found = self._splits[split]
        if len(found) < wanted:
            raise InputError(
                f'task "{self.card.name}": option {split}_size is {wanted}, and the {split} split has {len(found)} '
                "sentences of these sources; lower it"
            )
        return found[:wanted]

    @cached_property
    def _splits(self) -> dict[Split, list[LabelledExample]]:
        splits: dict[Split, list[LabelledExample]] = {"train": [], "validation": [], "test": []}
        for one in labelled_sentences():
            if one.source in self.options["sources"]:
                splits[one.split].append(LabelledExample(one.id, one.text, one.label, one.source, one.cluster))
        return splits
