"""Running image models: the pictures that they learn from, what they draw, and what they draw otherwise than before."""

from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from paretune.engine.diffusion import Captioned
from paretune.kinds.base import Asked, Evaluation, OnProgress, keep_answer_peak
from paretune.kinds.drawings import Drawings, SampleRequest, sample_requests, to_tensor
from paretune.measure import Phases
from paretune.models import LoadedModel
from paretune.models.codec import Codec, TextSettings
from paretune.models.image_encoder import ImageEncoder, load_image_encoder
from paretune.spec import ImageRecipe, InputError, Phase, Trial
from paretune.store import Item, KeptPicture
from paretune.store.pictures import Kind
from paretune.tasks import ImageTask, PictureExample, Split, open_picture
from paretune.tasks.thumbnails import small_webp

if TYPE_CHECKING:
    from PIL.Image import Image

_DIGITS = 7
"""Of a drift: features are single precision, and what a picture drifts from itself should be nothing."""


class Pictures:
    """A task's pictures, and those that are drawn for one of its trials."""

    def __init__(self, trial: Trial, task: ImageTask, codec: Codec) -> None:
        self.trial = trial
        self._task = task
        self._codec = codec
        self._image = trial.recipe.image or ImageRecipe()

    def evaluate(
        self, loaded: LoadedModel, asked_of: Asked[ImageTask], phases: Phases, on_progress: OnProgress
    ) -> Evaluation:
        """Draw the captions of the trial's split and the gallery; other captions both before and after."""
        task, trial, measures = self._task, self.trial, self.trial.measures
        method, checkpoint = asked_of.method, asked_of.checkpoint
        if method.num_shots:
            raise InputError(
                f'method "{trial.method.label}": an image model is shown no worked examples; leave out shots'
            )
        examples = task.pictures(trial.split)[: asked_of.limit]
        asked = sample_requests("answer", [example.caption for example in examples], task.samples_per_prompt)
        of_drift = sample_requests("drift", task.drift_captions, task.drift_samples_per_prompt)
        others = of_drift if "forgetting" in measures else []
        gallery = sample_requests("gallery", task.gallery_captions, task.gallery_samples_per_prompt)
        with phases.during(Phase.MEASURE):
            captions = [one.caption for one in (*asked, *others, *gallery)]
            drawings = Drawings(self._codec, trial.recipe, captions)
            judge = load_image_encoder(task.judge)
        before = after = None
        if others:
            with phases.during(Phase.RETAIN):
                before = drawings.draw(loaded.model, others)
        with phases.during(Phase.RELOAD):
            model = method.load(loaded.model, checkpoint)
        with phases.during(Phase.TEST):
            answers = drawings.draw(model, asked, on_progress)
        if others:
            with phases.during(Phase.RETAIN):
                after = drawings.draw(model, others)
        with phases.during(Phase.MEASURE):
            metrics = {"answers_per_second": len(asked) / phases.seconds(Phase.TEST)}
            if "memory" in measures:
                number = trial.recipe.memory_answer_batch_size
                peak = phases.peak_bytes_of(model, lambda: drawings.draw_together(model, number))
                keep_answer_peak(metrics, phases, peak)
            rest = drawings.draw(model, gallery) if gallery else None
            likeness = self._likeness(examples, asked, drawings.pictures(answers), judge)
            drift = None
            if before is not None and after is not None:
                drift = _drift(others, drawings.pictures(before), drawings.pictures(after), judge)
            looked_at = [] if rest is None else drawings.pictures(rest)
            kept = [one.kept(drawing) for one, drawing in zip(gallery, looked_at, strict=True)]
        parts = [part for part in (likeness, drift) if part is not None]
        return Evaluation(
            metrics=metrics | {part.metric: part.mean for part in parts},
            standard_errors={part.metric: part.standard_error for part in parts if len(part.values) > 1},
            groups={},
            items=likeness.items,
            drifts=drift.values if drift else (),
            pictures=[*self._given(examples), *(one for part in parts for one in part.kept), *kept],
        )

    def _likeness(
        self,
        examples: Sequence[PictureExample],
        asked: Sequence[SampleRequest],
        drawn: Sequence["Image"],
        judge: ImageEncoder,
    ) -> "_Judged":
        """Compare each drawing with the held-out picture that its caption is of: the task's main metric."""
        metric = self._task.card.main_metric.name
        targets = judge.features([self._opened(example) for example in examples])
        cosines = _cosines(judge.features(drawn), targets[[one.place for one in asked]])
        items = [
            Item(
                f"{examples[one.place].id}/{one.noise}",
                "all",
                {metric: cosine},
                one.caption,
                examples[one.place].id,
            )
            for one, cosine in zip(asked, cosines, strict=True)
        ]
        kept = [one.kept(picture, cosine) for one, picture, cosine in zip(asked, drawn, cosines, strict=True)]
        return _Judged(metric, cosines, kept, items)

    def captioned(self, split: Split) -> Captioned:
        """Return the pictures of a split as the transformer sees them."""
        codec, examples, recipe = self._codec, self._task.pictures(split), self.trial.recipe
        pictures = torch.stack([to_tensor(self._opened(example), self._image.pixels) for example in examples])
        settings = TextSettings(recipe.max_length, self._image.text_layers)
        texts = codec.read_captions([example.caption for example in examples], settings)
        return Captioned(codec.to_tokens(pictures), texts, codec.positions(self._image.pixels))

    def _given(self, examples: Sequence[PictureExample]) -> list[KeptPicture]:
        """Return the pictures that were learnt from and those that were held out, as they are kept."""
        sets: list[tuple[Kind, Sequence[PictureExample]]] = [
            ("train", self._task.pictures("train")),
            ("target", examples),
        ]
        return [
            KeptPicture(kind, one.caption, place, None, None, small_webp(self._opened(one)))
            for kind, rows in sets
            for place, one in enumerate(rows)
        ]

    def _opened(self, example: PictureExample) -> "Image":
        return open_picture(example, f'task "{self._task.card.name}"')


class _Judged(NamedTuple):
    """What the judge made of several drawings."""

    metric: str
    values: tuple[float, ...]
    kept: list[KeptPicture]
    items: list[Item]

    @property
    def mean(self) -> float:
        """Return the mean over drawings."""
        return fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Return the standard error of the mean over drawings."""
        return float(stdev(self.values) / len(self.values) ** 0.5)


def _drift(
    others: Sequence[SampleRequest], before: Sequence["Image"], after: Sequence["Image"], judge: ImageEncoder
) -> _Judged:
    """Compare drawings of other captions with those that the base model made from the same noise."""
    cosines = _cosines(judge.features(before), judge.features(after))
    drifts = tuple(round((1 - cosine) / 2, _DIGITS) for cosine in cosines)
    kept = [one._replace(kind="base").kept(drawing) for one, drawing in zip(others, before, strict=True)]
    kept += [one.kept(drawing, drift) for one, drawing, drift in zip(others, after, drifts, strict=True)]
    return _Judged("drift", drifts, kept, [])


def _cosines(some: Tensor, others: Tensor) -> tuple[float, ...]:
    """Return the cosine of each row of the one and of the other."""
    return tuple(cosine_similarity(some.double(), others.double()).clamp(-1, 1).tolist())
