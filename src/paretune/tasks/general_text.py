"""Reading the general text that a study brings."""

from collections.abc import Sequence

from paretune.spec import GeneralText, InputError, content_hash
from paretune.tasks.rows import read_rows


def read_general_text(wanted: GeneralText) -> tuple[str, ...]:
    """Return the texts, in the file's order. Raises `InputError` where the file does not hold as many as are wanted."""
    texts: list[str] = []
    for row in read_rows(wanted.source):
        text = row.value.get(wanted.column)
        if not isinstance(text, str):
            raise InputError(
                f'{wanted.source}, row {row.number}: no text in column "{wanted.column}"; '
                f"the row has: {', '.join(map(str, row.value))}"
            )
        if len(text) >= max(1, wanted.min_characters):
            texts.append(text)
        if len(texts) == wanted.num_texts:
            return tuple(texts)
    raise InputError(
        f"{wanted.source}: holds {len(texts)} texts of at least {wanted.min_characters} characters, "
        f"{wanted.num_texts} are wanted; lower num_texts in general_text"
    )


def fixed_general_text(wanted: GeneralText, texts: Sequence[str] | None = None) -> GeneralText:
    """Return the same with the hash of its texts, which are read where they are not given.

    Raises `InputError` where they cannot be read.
    """
    texts = read_general_text(wanted) if texts is None else texts
    return wanted.model_copy(update={"content_hash": content_hash("\0".join(texts))})
