"""Questions with answers to choose from, of which a column names the right one: by a letter, a label or an index.

Rows of this form, as MMLU, ARC and HellaSwag have them:

    {"question": "2 + 2?", "choices": ["3", "4"], "answer": 1}
    {"question": "2 + 2?", "options": ["3", "4"], "answer": "B"}
    {"question": "2 + 2?", "choices": {"text": ["3", "4"], "label": ["A", "B"]}, "answerKey": "B"}
"""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from paretune.tasks.data.forms import CONTEXT, Chosen, Form, first_of, flat, named_columns
from paretune.tasks.data.values import Dropped, as_text, parsed

LETTERS = string.ascii_uppercase
_QUESTION = ("question", "query", "problem", "prompt", "question_stem", "stem", "ctx")
_OPTIONS = ("choices", "options", "endings", "answer_choices")
_ANSWER = ("answer", "answerkey", "answer_key", "answer_idx", "answer_index", "correct", "gold", "label", "target")


def lettered_form(samples: Sequence[Mapping[str, Any]], chosen: Chosen, options: str | None) -> Form | None:
    """Return the form of rows of which a column lists the options and another names one of them; None for others.

    Where answers are the texts of options, or a person named columns and not the one of the `options`, the form is
    another. An index counts from 1 where no row has a 0 and one has the number of its options.
    """
    rows = [flat(row) for row in samples]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if chosen.text or chosen.label or (chosen.given and options is None):
        return None
    asked = named_columns(chosen.prompt, names) if chosen.prompt else _question(names)
    listed = options or first_of(names, _OPTIONS)
    answer = chosen.completion or first_of([name for name in names if name != listed], _ANSWER)
    if not asked or listed is None or answer is None:
        return None
    try:
        return _pointing(rows, Form("choice", asked, answer, options=listed))
    except Dropped:  # bytes, which name no answer
        return None


def _pointing(rows: Sequence[Mapping[str, Any]], form: Form) -> Form | None:
    """Return the form with the index of the first answer, or None where not all that is filled names an answer."""
    named = [row for row in rows if row.get(form.options or "") is not None and _named_in(row, form)]
    for first in (0, 1):
        form = form._replace(first_index=first)
        if named and all(_points(row, form) for row in named):
            return None if all(_is_text(row, form) for row in named) else form
    return None


def option_texts(value: Any) -> list[str] | None:
    """Return the texts of a list of answers, or of its JSON, or of a list of objects with a text; None for others."""
    listed = parsed(value) if isinstance(value, str) else value
    if not isinstance(listed, list | tuple):
        return None
    found = [as_text(one.get("text") if isinstance(one, Mapping) else one) for one in listed]
    return None if None in found else [one.strip() for one in found if one is not None]


def place_of(columns: Mapping[str, Any], form: Form, num_options: int) -> int | None:
    """Return which option a row's answer names, from 0; None for none of them."""
    named = _named_in(columns, form).strip("().")
    letters = list(LETTERS[:num_options])
    for labels in (_labels(columns, form), letters, [letter.lower() for letter in letters]):
        if named and named in labels[:num_options]:
            return labels.index(named)
    place = int(named) - form.first_index if named.isdecimal() else -1
    return place if 0 <= place < num_options else None


def _named_in(row: Mapping[str, Any], form: Form) -> str:
    return (as_text(row.get(form.output or "")) or "").strip()


def _points(row: Mapping[str, Any], form: Form) -> bool:
    texts = option_texts(row.get(form.options or ""))
    return bool(texts) and place_of(row, form, len(texts or ())) is not None


def _is_text(row: Mapping[str, Any], form: Form) -> bool:
    """Tell whether an answer is the text of an option, as where the options themselves are letters or numbers."""
    return _named_in(row, form) in (option_texts(row.get(form.options or "")) or ())


def _labels(columns: Mapping[str, Any], form: Form) -> list[str]:
    """Return the labels that the data gives the options: next to their texts, or in each of them."""
    options = form.options or ""
    listed, labels = columns.get(options), columns.get(f"{options.removesuffix('.text')}.label")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        labels = [one.get("label") for one in listed if isinstance(one, Mapping)]
    return [(as_text(one) or "").strip() for one in labels] if isinstance(labels, list | tuple) else []


def _question(names: Sequence[str]) -> tuple[str, ...]:
    """Return the column of the question, after that of a context."""
    question, context = first_of(names, _QUESTION), first_of(names, (*CONTEXT, "article"))
    return tuple(one for one in (context, question) if one is not None) if question is not None else ()
