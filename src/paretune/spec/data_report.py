"""What became of the rows of a data set, before the first step is trained on them."""

from paretune.spec.base import Data, later


class DroppedRows(Data):
    """Rows that are not used, for one reason."""

    reason: str
    num_rows: int
    first: tuple[str, ...]
    """Where the first of them stand."""


class Lengths(Data):
    """Tokens of the examples of a split."""

    num_counted: int
    """Examples that were counted: all of a split, or the first of a large one."""
    median: int
    longest: int
    num_too_long: int
    """Of the counted: longer than is read. They are left out of training and validation loss; plain texts, and those
    that a head reads, are cut instead."""


class ShownExample(Data):
    """One example as the model sees it, special tokens included."""

    place: str
    parts: tuple[tuple[str, bool], ...]
    """Pieces of text, and whether the loss is taken on each."""


class LabelReport(Data):
    """What the labels of a data set are, for a model with a head."""

    problem: str
    """ "single_label", "several_labels" or "regression"."""
    guessed: bool
    """Whether nobody said so, and the labels are numbers, which may be meant otherwise."""
    num_labels: int
    """Different labels; 0 where they are numbers."""
    num_unseen: dict[str, int] = {}
    """Validation and test texts with a label that no training text has, by split."""
    unseen: tuple[str, ...] = ()
    """These labels."""
    num_contradictions: int = 0
    """Texts that are there with different labels."""
    contradictions: tuple[str, ...] = ()
    """Where the first of them stand."""


class ImagesReport(Data):
    """The images of a data set's rows. Sizes are width and height in pixels."""

    num_different: int
    num_bytes: int
    """Of the files of the different ones."""
    smallest: tuple[int, int]
    """By area, like the median and the largest."""
    median: tuple[int, int]
    largest: tuple[int, int]


class RowsReport(Data):
    """What was read, and what of it is used."""

    source: str
    form: str
    """What the columns were taken for."""
    notes: tuple[str, ...] = ()
    """Encodings, delimiters, and other things that were found rather than given."""
    num_read: int
    num_kept: dict[str, int]
    """Examples by split."""
    split_by: str
    """What decides a row's split."""
    dropped: tuple[DroppedRows, ...] = ()
    labels: dict[str, int] = {}
    """Examples by label, the most frequent first; empty where there are no labels."""
    labelled: LabelReport | None = later(None)
    """What the labels are, where a head learns them."""
    images: ImagesReport | None = later(None)
    """What the images are, where a column of images is named."""

    @property
    def num_dropped(self) -> int:
        """Rows that are not used."""
        return sum(one.num_rows for one in self.dropped)


class DataReport(Data):
    """What a model will see of a data set."""

    task: str
    rows: RowsReport
    base_model: str
    chat_template: bool
    """Whether examples go through the tokenizer's chat template."""
    max_new_tokens: int | None
    """Tokens that an answer may take; None where no answers are written."""
    stop: tuple[str, ...]
    """Texts before which an answer ends."""
    max_length: int
    """The longest example that is read, in tokens: the recipe's, or what the tokenizer's model takes."""
    num_references: int
    """References of validation and test. Each was encoded, cut, read and scored as an answer is, and was right.
    0 for plain text."""
    lengths: dict[str, Lengths]
    """By split."""
    scored_by: tuple[str, ...] = later(())
    """The metrics as people read them, the main one first."""
    shown: tuple[ShownExample, ...]
    image_inputs: dict[str, tuple[int, ...]] = later({})
    """Shapes of what the model's processor makes of the image of the first training example, by the input's name."""

    @property
    def cuts_long_examples(self) -> bool:
        """Whether examples longer than `max_length` are cut in place of being left out."""
        return self.rows.labelled is not None or self.num_references == 0
