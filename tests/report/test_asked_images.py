"""Images that questions are about, as a page holds them."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from paretune.report.html import asked_images
from paretune.report.html.asked_images import image_source, image_sources
from paretune.spec import InputError
from paretune.tasks.drawn_shapes import Bar, drawn, drawn_chart

CHART, EMPTY = drawn_chart([Bar("red", 3)]), drawn(())


def opened(source: str) -> Image.Image:
    kind, _, data = source.partition(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_small_image_is_shown_exactly_and_a_large_one_smaller() -> None:
    with Image.open(io.BytesIO(CHART)) as chart:
        assert np.array_equal(np.array(opened(image_source(CHART)).convert("RGB")), np.array(chart))
        sink = io.BytesIO()
        chart.resize((1000, 500)).save(sink, "PNG")
    assert opened(image_source(sink.getvalue())).size == (192, 96)


def test_an_image_of_several_questions_is_held_once() -> None:
    sources, places = image_sources({"a": CHART, "b": EMPTY, "c": CHART}, ["a", "b", "c", "d"])
    assert (len(sources), places) == (2, [0, 1, 0, -1])


def test_of_too_many_images_the_first_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked_images, "MOST_BYTES", 10)
    sources, places = image_sources({"a": CHART, "b": EMPTY, "c": CHART}, ["a", "b", "c"])
    assert (len(sources), places) == (1, [0, -1, 0])


def test_a_file_that_is_no_image_is_one_line() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        image_source(b"no image")
