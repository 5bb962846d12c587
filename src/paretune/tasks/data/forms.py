"""The forms that data comes in, known by their columns."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from paretune.spec import InputError, nearest

Kind = Literal["pair", "chat", "label", "text", "choice"]

_PAIRS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("prompt",), ("completion", "response", "answer", "output", "target")),
    (("question", "query", "problem"), ("answer", "answers", "response", "solution", "output")),
    (("input", "source", "user"), ("output", "target", "response", "assistant")),
    (("document", "article", "dialogue"), ("summary", "highlights")),
)
"""Names of the columns of prompts, with the names that their completions have; the first found counts."""
_INSTRUCTION, _INPUT, _OUTPUT = ("instruction",), ("input", "context"), ("output", "response", "completion", "answer")
CONTEXT = ("context", "passage")
_CONVERSATION = ("messages", "conversations", "conversation", "dialog", "chat")
_TWO_TEXTS = (
    ("premise", "hypothesis"),
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("question1", "question2"),
)
_TEXT = ("text", "sentence", "review", "content", "comment", "tweet", "body")
_QUESTION = ("prompt", "question", "query", "problem", "instruction", "input")
_CAPTION = ("caption", "captions", "description", *_TEXT, "completion", "response", "answer", "output", "summary")
"""Names of columns that say what an image shows."""
_LABEL = ("label_text", "label", "labels", "class", "category", "sentiment", "intent", "target")


class Chosen(NamedTuple):
    """The columns that a person named, each None where the guess stands."""

    prompt: str | None = None
    completion: str | None = None
    text: str | None = None
    label: str | None = None

    @property
    def given(self) -> dict[str, str]:
        """Those that were named, by their option."""
        return {option: column for option, column in self._asdict().items() if column is not None}


class Form(NamedTuple):
    """What a data set was recognised as."""

    kind: Kind
    inputs: tuple[str, ...]
    """Columns that the prompt or the plain text is made of, in their order; of a conversation its one column."""
    output: str | None = None
    """Column of the completion or the label."""
    optional: tuple[str, ...] = ()
    """Inputs that may be empty."""
    options: str | None = None
    """Column with the answers to choose from, where the output names one of them by a letter or an index."""
    first_index: int = 0
    """The index of the first of these answers."""
    image: str | None = None
    """Column of the images."""
    asked: str = ""
    """What is asked in every row about its image, where no column asks: there are no inputs then."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read."""
        return self.inputs + tuple(filter(None, (self.output, self.options)))

    @property
    def text(self) -> str:
        """The form and its columns, in words."""
        inputs = " and ".join(self.inputs) or repr(self.asked)
        return f"image ({self.image}), {self._words(inputs)}" if self.image is not None else self._words(inputs)

    def _words(self, inputs: str) -> str:
        match self.kind:
            case "pair":
                return f"prompt ({inputs}) and completion ({self.output})"
            case "chat":
                return f"conversations ({inputs})"
            case "label":
                return f"text ({inputs}) and label ({self.output})"
            case "text":
                return f"plain text ({inputs}), for language modelling"
            case "choice":
                right = f"the right one ({self.output}, a letter or an index from {self.first_index})"
                return f"question ({inputs}), answers to choose from ({self.options}) and {right}"


def find_form(
    samples: Sequence[Mapping[str, Any]], chosen: Chosen, where: str, *, labelled: bool = False, pictured: bool = False
) -> Form:
    """Return the form of the data by the columns of its first rows; nested columns are named `outer.inner`.

    A column that a person chose wins over the guess; `labelled` data is one text or two with a label. Of `pictured`
    data, whose column of images is not among those given, a form may have no inputs. Raises `InputError`, opening with
    `where`, when a chosen column is not there, and when the columns fit no form: with the options that mend it.
    """
    columns = {name: value for row in reversed(samples) for name, value in flat(row).items() if value is not None}
    names = list(dict.fromkeys(name for row in samples for name in flat(row)))
    given = ((option, one) for option, named in chosen.given.items() for one in named_columns(named, names))
    for option, column in given:
        if column not in names:
            raise InputError(
                f'{where}: no column "{column}", which {option} names{nearest(column, names)}; {_present(names)}'
            )
    if labelled:
        return _labelled_form(names, chosen, where)
    form = _pictured_form(names, columns, chosen, where) if pictured else None
    form = form or _chosen_form(names, columns, chosen, where) or _guessed_form(names, columns, where)
    if form is None and pictured:
        raise InputError(
            f"{where}: which column says what an image shows? {_present(names)}; name it with --completion (option "
            "completion) or --label, and one of questions with --prompt"
        )
    if form is None:
        raise InputError(
            f"{where}: which columns are prompt and completion? {_present(names)}; name two of them with --prompt and "
            "--completion (options prompt and completion), --text and --label for labels, or --text for plain text"
        )
    return form


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a row's columns with those of nested objects as `outer.inner`. Lists stay whole."""
    if not prefix and dict not in map(type, row.values()):
        return dict(row)
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def named_columns(value: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that an option names: one, or several with commas between them."""
    return (value,) if value in names else tuple(column.strip() for column in value.split(","))


def _present(names: Sequence[str]) -> str:
    return f"the columns are: {', '.join(name or '(no name)' for name in names) or 'none'}"


def _chosen_form(names: Sequence[str], columns: Mapping[str, Any], chosen: Chosen, where: str) -> Form | None:
    """Return the form that the chosen columns make, guessing at most the other half of a pair."""
    prompt, completion, text, label = chosen
    if not chosen.given:
        return None
    if text is not None and (prompt is not None or completion is not None):
        raise InputError(f"{where}: the options text and label exclude prompt and completion")
    if prompt is not None and prompt == completion:
        raise InputError(f'{where}: --prompt and --completion both name "{prompt}"; {_present(names)}')
    if label is not None and text is None and prompt is None:
        guessed = _label_inputs(names, label)
        if guessed is None:
            raise InputError(f"{where}: name the column of the texts with --text; {_present(names)}")
        return Form("label", guessed, label)
    if text is not None:
        return Form("label" if label is not None else "text", named_columns(text, names), label)
    if completion is None and _is_conversation(columns.get(prompt or "")):
        return Form("chat", (prompt or "",))
    if prompt is None and _is_conversation(columns.get(completion or "")):
        return Form("chat", (completion or "",))
    prompt = prompt or first_of(names, tuple(name for inputs, _ in _PAIRS for name in inputs) + _INSTRUCTION)
    completion = completion or label or first_of(names, tuple(name for _, outputs in _PAIRS for name in outputs))
    for option, column in (("prompt", prompt), ("completion", completion)):
        if column is None or prompt == completion:
            raise InputError(f"{where}: name the column of the {option}s with --{option} too; {_present(names)}")
    return Form("pair", named_columns(str(prompt), names), completion)


def _guessed_form(names: Sequence[str], columns: Mapping[str, Any], where: str) -> Form | None:
    if first_of(names, ("chosen",)) and first_of(names, ("rejected",)):
        raise InputError(
            f"{where}: preference pairs (columns chosen and rejected), which nothing here trains on; to learn the "
            "preferred answers alone, give --completion chosen"
        )
    for name in _CONVERSATION:
        column = first_of(names, (name,))
        if column is not None and _is_conversation(columns.get(column)):
            return Form("chat", (column,))
    instruction, output = first_of(names, _INSTRUCTION), first_of(names, _OUTPUT)
    if instruction and output:
        extra = first_of(names, _INPUT)
        return Form("pair", (instruction, extra) if extra else (instruction,), output, (extra,) if extra else ())
    for inputs, outputs in _PAIRS:
        prompt, completion = first_of(names, inputs), first_of(names, outputs)
        if prompt and completion:
            context = first_of(names, CONTEXT)
            asks = prompt.rpartition(".")[2].casefold() == "question" and context is not None
            return Form("pair", (str(context), prompt) if asks else (prompt,), completion)
    label = first_of(names, _LABEL)
    texts = _label_inputs(names, label) if label else None
    if texts:
        return Form("label", texts, label)
    text = first_of(names, _TEXT)
    return Form("text", (text,)) if text else None


def _pictured_form(names: Sequence[str], columns: Mapping[str, Any], chosen: Chosen, where: str) -> Form | None:
    """Return the form of images of which one column says what they show; None for other forms, where others ask."""
    if len(chosen.given) > 1 or chosen.prompt is not None:
        return None
    if not chosen.given:
        guessed = _guessed_form(names, columns, where)
        if guessed is not None and guessed.kind != "text":
            return None
    for option, column in chosen.given.items():
        if column not in names:
            raise InputError(f"{where}: --{option} names {column}; what an image shows is in one column")
    shows = chosen.completion or chosen.text or (None if chosen.label else first_of(names, _CAPTION))
    label = chosen.label or first_of(names, _LABEL)
    if _is_conversation(columns.get(shows or "")) or (chosen.label and _label_inputs(names, chosen.label)):
        return None
    question = first_of([name for name in names if name not in {shows, label}], _QUESTION)
    inputs = (question,) if question else ()
    if shows is not None:
        return Form("pair", inputs, shows)
    return None if label is None else Form("label", inputs, label)


def _labelled_form(names: Sequence[str], chosen: Chosen, where: str) -> Form:
    label = chosen.label or first_of(names, _LABEL)
    if label is None:
        raise InputError(f"{where}: name the column of the labels with --label (option label); {_present(names)}")
    inputs = named_columns(chosen.text, names) if chosen.text is not None else _label_inputs(names, label)
    if not inputs:
        raise InputError(f"{where}: name the column of the texts with --text (option text); {_present(names)}")
    if len(inputs) > 2:
        raise InputError(f"{where}: --text names {len(inputs)} columns ({', '.join(inputs)}); a head reads one or two")
    return Form("label", inputs, label)


def _label_inputs(names: Sequence[str], label: str) -> tuple[str, ...] | None:
    others = [name for name in names if name != label]
    for pair in _TWO_TEXTS:
        both = tuple(found for name in pair if (found := first_of(others, (name,))))
        if len(both) == 2:
            return both
    text = first_of(others, _TEXT)
    return (text,) if text else None


def first_of(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    """Return the first wanted column that is there, in upper or lower case; nested ones only where no outer one is."""
    for name in wanted:
        for column in names:
            if column.strip().casefold() == name:
                return column
    for name in wanted:
        for column in names:
            if column.removesuffix(".text").rpartition(".")[2].strip().casefold() == name:
                return column
    return None


def _is_conversation(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip().startswith("[{")
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
