"""One question and its answers, as the page shows them."""

import re

from paretune.analysis import rows_of
from paretune.report.html.samples import samples_section
from paretune.spec import Record
from paretune.store import Item, KeptPicture
from paretune.tasks.drawn_shapes import drawn
from tests.records import make_record

RECORDS = [make_record(label, seed=seed) for label in ("base", "lora") for seed in (0, 1)]
RIGHT = {"base": (0.0, 1.0, 0.0), "lora": (0.0, 1.0, 1.0)}


def answered(record: Record) -> list[Item]:
    label = record.trial.method.label
    texts = [f"<b>{label}</b> {number}, seed {record.trial.seed}" for number in range(3)]
    return [
        Item(f"q{number}", "", {"accuracy": score}, text, f"<i>{number}</i>")
        for number, (score, text) in enumerate(zip(RIGHT[label], texts, strict=True))
    ]


def prompts(record: Record) -> dict[str, str]:
    return {"q2": "What is <script>2</script>?\nAnswer:"}


def test_the_question_tells_methods_apart_and_all_is_escaped() -> None:
    section = samples_section(rows_of(RECORDS), answered, prompts)
    assert "(q2)" in section
    assert "What is &lt;script&gt;2&lt;/script&gt;?\nAnswer:" in section
    assert "<b>&lt;i&gt;2&lt;/i&gt;</b>" in section
    rows = re.findall(
        r'<th scope="row">(\w+)</th><td>(\d)</td><td>(\w+)</td><td class="prose sample">(.*?)</td>', section
    )
    assert rows == [
        ("base", "0", "no", "&lt;b&gt;base&lt;/b&gt; 2, seed 0"),
        ("lora", "0", "yes", "&lt;b&gt;lora&lt;/b&gt; 2, seed 0"),
    ]


def test_a_question_that_tells_no_methods_apart_is_called_the_first() -> None:
    found = rows_of(RECORDS[:2])
    assert "The first question (q0)" in samples_section(found, answered, prompts)
    assert "The first question that some methods" in samples_section(rows_of(RECORDS), answered, prompts)


def test_a_metric_between_right_and_wrong_is_shown_by_its_value() -> None:
    section = samples_section(
        rows_of(RECORDS), lambda record: [one._replace(scores={"accuracy": 0.25}) for one in answered(record)], prompts
    )
    assert "The first question (q0)" in section
    assert '<th scope="col">Accuracy</th>' in section
    assert re.findall(r"<td>0</td><td>(.*?)</td>", section) == ["25.0%", "25.0%"]


def test_where_nothing_was_written_there_is_no_section() -> None:
    def silent(record: Record) -> list[Item]:
        return [one._replace(text="") for one in answered(record)]

    assert samples_section(rows_of(RECORDS), silent, prompts) == ""


def test_without_the_question_the_answers_are_shown_all_the_same() -> None:
    section = samples_section(rows_of(RECORDS), answered, lambda record: {})
    assert 'class="card prose sample"' not in section
    assert "seed 0" in section


def test_what_was_answered_in_pictures_is_left_to_the_gallery() -> None:
    picture = KeptPicture("answer", "a zib", 0, 0, None, b"")

    def pictures(record: Record) -> list[KeptPicture]:
        return [picture] if record.trial.method.label == "base" else []

    section = samples_section(rows_of(RECORDS), answered, prompts, pictures)
    assert "lora" in section
    assert "base" not in section
    assert samples_section(rows_of(RECORDS), answered, prompts, lambda record: [picture]) == ""


def test_where_no_answers_are_kept_there_is_no_section() -> None:
    assert samples_section(rows_of(RECORDS), lambda record: [], prompts) == ""


def test_the_image_that_is_asked_about_stands_above_the_question() -> None:
    section = samples_section(rows_of(RECORDS), answered, prompts, images=lambda record: {"q2": drawn(())})
    assert re.search(r'<img src="data:image/webp;base64,[\w+/=]+" alt="The image that is asked about">', section)
    assert "<img" not in samples_section(rows_of(RECORDS), answered, prompts)
