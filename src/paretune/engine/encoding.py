"""From an example to tokens: what training shows, on which tokens the loss is taken, and what a question shows.

A begin token stands at most once at the front, and an end token once after each answer, independent of what the
tokenizer's post-processor, the chat template and the data add.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, groupby, takewhile
from typing import Any, NamedTuple

from paretune.spec import InputError, one_line
from paretune.tasks import Example, Message, Task

NO_TEMPLATE = "--no-chat-template (the task's option chat_template = false) shows the text as it is"
_PLACEHOLDER = "\N{OBJECT REPLACEMENT CHARACTER}"
"""Stands for an answer where it matters what a template puts around it."""


class Segment(NamedTuple):
    """A run of tokens."""

    ids: list[int]
    trained: bool
    """Whether the loss is taken on them. Nothing predicts the first token of an example."""


class Encoded(NamedTuple):
    """One example as token ids, in runs that are trained on and others."""

    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, prompt: list[int], answer: list[int]) -> "Encoded":
        """Return a prompt and the answer that is learnt."""
        return cls((Segment(prompt, False), Segment(answer, True)))

    @property
    def num_tokens(self) -> int:
        """Tokens of the whole example."""
        return sum(len(segment.ids) for segment in self.segments)

    @property
    def answer(self) -> list[int]:
        """The tokens that are learnt last: those of the answer that is asked for, with the end token."""
        return next(segment.ids for segment in reversed(self.segments) if segment.trained)


def uses_template(example: Example, tokenizer: Any) -> bool:
    """Tell whether an example goes through the tokenizer's chat template."""
    return bool(example.messages) and tokenizer.chat_template is not None


def ended_once(example: Example, tokenizer: Any) -> Example:
    """Return an example without end tokens that the data adds to messages and answers: they are added anyway.

    These are the tokenizer's end token and the special token with which its chat template ends a turn.
    """
    texts = (example.completion, example.target, *(message.content for message in example.messages))
    special = tuple(tokenizer.all_special_tokens)
    if not any(text.rstrip().endswith(special) for text in texts):
        return example
    ends = {tokenizer.eos_token}
    if uses_template(example, tokenizer):
        shown = _rendered(example.messages, tokenizer, example).rstrip()
        ends |= {token for token in special if shown.endswith(token)}
    return example._replace(
        completion=_unended(example.completion, ends),
        target=_unended(example.target, ends),
        messages=tuple(one._replace(content=_unended(one.content, ends)) for one in example.messages),
        choices=tuple(_unended(choice, ends) for choice in example.choices),
    )


def _unended(text: str, ends: Iterable[str]) -> str:
    """Return a text without the tokens that it ends with; the text itself where nothing else is in it."""
    bare = text
    while (end := next((token for token in ends if bare.rstrip().endswith(token)), None)) is not None:
        bare = bare.rstrip().removesuffix(end)
    return bare if bare.strip() else text


def encode(example: Example, tokenizer: Any, *, whole_text: bool = False) -> Encoded:
    """Return an example as training shows it; with `whole_text` the loss is on all of it.

    Without a chat template, prompt and completion are encoded apart, so that the prompt's tokens are those that a
    question has. Raises `InputError` where the chat template refuses the messages.
    """
    example = ended_once(example, tokenizer)
    if uses_template(example, tokenizer):
        encoded = _conversation(example, tokenizer)
        if not whole_text:
            return encoded
        ids = list(chain.from_iterable(segment.ids for segment in encoded.segments))
        return Encoded.of(ids[:1], ids[1:])
    if whole_text or example.learns_prompt:
        whole = _begun(tokenizer, example.prompt + example.completion)
        return Encoded.of(whole[:1], [*whole[1:], tokenizer.eos_token_id])
    return Encoded.of(_begun(tokenizer, example.prompt), _ended(tokenizer, example.completion))


def encode_answer(example: Example, tokenizer: Any) -> list[int]:
    """Return the answer that is asked for with its end token, as `encode` does, without encoding what comes before."""
    example = ended_once(example, tokenizer)
    if uses_template(example, tokenizer) or example.learns_prompt:
        return encode(example, tokenizer).answer
    return _ended(tokenizer, example.completion)


def encode_within(example: Example, tokenizer: Any, max_length: int, *, whole_text: bool = False) -> Encoded:
    """Return an example as `encode` does; a plain text that is longer than `max_length` tokens is cut to them."""
    encoded = encode(example, tokenizer, whole_text=whole_text)
    if not example.learns_prompt or encoded.num_tokens <= max_length:
        return encoded
    first, rest = encoded.segments
    return Encoded.of(first.ids, rest.ids[: max(1, max_length - len(first.ids))])


def encode_question(example: Example, tokenizer: Any, shots: Sequence[Example] = (), opening: str = "") -> list[int]:
    """Return the tokens that an answer is generated from.

    Worked examples come first: as `shots` in a conversation, otherwise as the text `opening`. Raises `InputError` as
    `encode` does.
    """
    example, shots = ended_once(example, tokenizer), [ended_once(shot, tokenizer) for shot in shots]
    if not uses_template(example, tokenizer):
        return _begun(tokenizer, opening + example.prompt) or [tokenizer.eos_token_id]
    shown = [message for shot in shots for message in shot.messages if message.role != "system"]
    system = [message for message in example.messages[:1] if message.role == "system"]
    asked = [*system, *shown, *example.messages[len(system) : -1]]
    text = _rendered(asked, tokenizer, example, add_generation_prompt=True)
    text += _put_before_answers(tokenizer, example)
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


class Shown(NamedTuple):
    """A conversation as text."""

    prompt: str
    """Down to where the last answer begins, with what the template puts before an answer."""
    answer: str
    """The last answer, down to the special token that ends it."""


def shown(example: Example, tokenizer: Any) -> Shown:
    """Return a conversation as the chat template shows it. Raises `InputError` as `encode` does."""
    turn = _turn(example.messages, tokenizer, example)
    if turn is None:
        raise InputError(_unlike_its_prompt(example))
    return Shown(turn.text[: turn.start], turn.text[turn.start : _end(turn.text, tokenizer)])


def encode_questions(task: Task, examples: Sequence[Example], tokenizer: Any, num_shots: int) -> list[list[int]]:
    """Return the tokens that each answer is generated from, after `num_shots` worked training examples."""
    shots, opening = task.examples("train")[:num_shots], task.few_shot(num_shots)
    return [encode_question(example, tokenizer, shots, opening) for example in examples]


def encode_context(context: str, tokenizer: Any) -> list[int]:
    """Return a text as a prompt without a template; of an empty one the begin token, or the end token where none is."""
    return _begun(tokenizer, context) or [_first_token(tokenizer)]


def encode_continuation(context: str, text: str, tokenizer: Any) -> Encoded:
    """Return a context, and as its answer the text that follows, without an end token.

    Both are encoded together, and white space at the end of the context belongs to what follows: as
    lm-evaluation-harness does.
    """
    if not context:
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        first = _first_token(tokenizer)
        return Encoded.of(ids[:1], ids[1:]) if ids[:1] == [first] else Encoded.of([first], ids)
    whole = _begun(tokenizer, context + text)
    num_before = len(_begun(tokenizer, context.rstrip())) or 1
    return Encoded.of(whole[:num_before], whole[num_before:])


def _first_token(tokenizer: Any) -> int:
    token: int = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return token


def _begun(tokenizer: Any, text: str) -> list[int]:
    """Return a text with what the tokenizer puts before it, once, and without what it puts after it.

    Here as elsewhere the tokenizer does not warn of long texts: `max_length` limits them, and the report counts them.
    """
    ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
    while len(ids) > 1 and ids[-1] == tokenizer.eos_token_id:
        ids = ids[:-1]
    while len(ids) > 1 and ids[0] == ids[1] == tokenizer.bos_token_id:
        ids = ids[1:]
    return ids


def _ended(tokenizer: Any, text: str) -> list[int]:
    """Return a completion with one end token, and without a begin token before it, which the data may hold."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    while ids and ids[-1] == tokenizer.eos_token_id:
        ids = ids[:-1]
    while ids and ids[0] == tokenizer.bos_token_id:
        ids = ids[1:]
    return [*ids, tokenizer.eos_token_id]


def _conversation(example: Example, tokenizer: Any) -> Encoded:
    """Return a conversation, with the loss on the assistant's turns and the end token of each.

    A template with generation marks says itself what the assistant writes. Otherwise that is what follows the
    generation prompt, without what the template puts before an answer. Either way it goes down to the special token
    that ends the turn. An answer that opens the conversation is context where the template has no marks.
    """
    if _has_marks(tokenizer):
        ids, trained = _marked(example, tokenizer)
    else:
        ids, trained = _located(example, tokenizer)
    if not any(trained):
        raise InputError(f"{example.id}: the chat template shows none of the assistant's turns; {NO_TEMPLATE}")
    if trained[-1] and ids[-1] not in tokenizer.all_special_ids:  # a template that leaves the end to the tokenizer
        ids, trained = [*ids, tokenizer.eos_token_id], [*trained, True]
    return Encoded(tuple(_runs(ids, trained)))


def _has_marks(tokenizer: Any) -> bool:
    return "{% generation" in tokenizer.chat_template or "{%- generation" in tokenizer.chat_template


def _put_before_answers(tokenizer: Any, example: Example) -> str:
    """Return what the template puts between the generation prompt and an answer, and training takes no loss on."""
    turn = None if _has_marks(tokenizer) else _turn(example.messages, tokenizer, example)
    return "" if turn is None else turn.text[turn.asked : turn.start]


def _marked(example: Example, tokenizer: Any) -> tuple[list[int], list[bool]]:
    messages = [message._asdict() for message in example.messages]
    with _template_errors(example):
        found = tokenizer.apply_chat_template(
            messages, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )
    ids: list[int] = found["input_ids"]
    return ids, _down_to_the_end_token(ids, [bool(mark) for mark in found["assistant_masks"]], tokenizer)


def _down_to_the_end_token(ids: Sequence[int], marked: Sequence[bool], tokenizer: Any) -> list[bool]:
    """Return the marks with each turn's end token and without white space after it, wherever the template's own end."""
    special, trained = set(tokenizer.all_special_ids), list(marked)
    for last in [place for place, mark in enumerate(marked) if mark and not any(marked[place + 1 : place + 2])]:
        end = last
        while end > 0 and marked[end - 1] and not tokenizer.decode([ids[end]]).strip():
            end -= 1
        if ids[end] in special:
            trained[end + 1 : last + 1] = [False] * (last - end)
        elif last + 1 < len(ids) and ids[last + 1] in special:
            trained[last + 1] = True
    return trained


def _located(example: Example, tokenizer: Any) -> tuple[list[int], list[bool]]:
    """Find the assistant's turns in the text of the whole conversation. One that opens it is no answer."""
    whole = _rendered(example.messages, tokenizer, example)
    answers = [place for place, message in enumerate(example.messages) if place and message.role == "assistant"]
    spans = [_span(place, whole, tokenizer, example) for place in answers]
    if not spans or spans[-1][1] < len(whole.rstrip()):
        raise InputError(_unlike_its_prompt(example))
    found = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    inside = [any(start <= first and last <= end for start, end in spans) for first, last in found["offset_mapping"]]
    return found["input_ids"], inside


def _unlike_its_prompt(example: Example) -> str:
    return (
        f"{example.id}: the chat template's prompt for an answer is not how it shows an answer, so what is to be "
        f"learnt is unknown; {NO_TEMPLATE}"
    )


def _span(place: int, whole: str, tokenizer: Any, example: Example) -> tuple[int, int]:
    """Return where one of the assistant's turns begins and ends in the text of the whole conversation.

    Where a template shows the last answer in another way than earlier ones, an earlier one is what stands between the
    text around it. Raises `InputError` for a turn that is not found.
    """
    messages, content = example.messages, example.messages[place].content
    turn = _turn(messages[: place + 1], tokenizer, example)
    if turn is not None and whole.startswith(turn.text):
        return turn.start, _end(turn.text, tokenizer)
    if place == len(messages) - 1:
        raise InputError(_unlike_its_prompt(example))
    around = _around(place, messages, tokenizer, example)
    alone = _around(place, messages[: place + 1], tokenizer, example)
    if around is None or alone is None or not _is_between(content, around, whole):
        raise InputError(
            f"{example.id}: the chat template does not show message {place + 1}, an answer, as it is, so what is to be "
            f"learnt is unknown; {NO_TEMPLATE}"
        )
    left, right = around
    tail = takewhile(lambda pair: pair[0] == pair[1], zip(right, alone[1], strict=False))
    shown = whole[: len(whole) - len(right)] + "".join(letter for letter, _ in tail)
    return len(left), _end(shown, tokenizer)


class _Turn(NamedTuple):
    """A conversation down to an answer, as text."""

    text: str
    asked: int
    """Where the generation prompt ends."""
    start: int
    """Where the answer begins, behind what the template puts before an answer."""


def _turn(messages: Sequence[Message], tokenizer: Any, example: Example) -> _Turn | None:
    """Return messages of which the last is an answer; None where the generation prompt is not how they go on.

    What a template puts between prompt and answer, such as an empty block of reasoning, is no part of the answer.
    """
    before = _rendered(messages[:-1], tokenizer, example, add_generation_prompt=True)
    text, content = _rendered(messages, tokenizer, example), messages[-1].content
    if not text.startswith(before):
        return None
    start = len(before)
    if not text[start:].lstrip().startswith(content.strip()):
        around = _around(len(messages) - 1, messages, tokenizer, example)
        if around is not None and around[0].startswith(before) and _is_between(content, around, text):
            start = len(around[0])
    return _Turn(text, len(before), start)


def _around(place: int, messages: Sequence[Message], tokenizer: Any, example: Example) -> tuple[str, str] | None:
    """Return the text before and after a message; None where the template does not show it once."""
    marked = [*messages[:place], messages[place]._replace(content=_PLACEHOLDER), *messages[place + 1 :]]
    parts = _rendered(marked, tokenizer, example).split(_PLACEHOLDER)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _is_between(content: str, around: tuple[str, str], text: str) -> bool:
    """Tell whether a text is `content` between two others, apart from white space around it."""
    left, right = around
    between = text[len(left) : len(text) - len(right)]
    return left + between + right == text and between.strip() == content.strip()


def _end(text: str, tokenizer: Any) -> int:
    """Return where the last turn of a text ends: after its last special token where nothing but white space follows."""
    bare = text.rstrip()
    return len(bare) if any(bare.endswith(token) for token in tokenizer.all_special_tokens) else len(text)


def _rendered(
    messages: Iterable[Message], tokenizer: Any, example: Example, *, add_generation_prompt: bool = False
) -> str:
    with _template_errors(example):
        text: str = tokenizer.apply_chat_template(
            [message._asdict() for message in messages], tokenize=False, add_generation_prompt=add_generation_prompt
        )
    return text


def _runs(ids: Sequence[int], trained: Sequence[bool]) -> Iterator[Segment]:
    for learnt, run in groupby(zip(ids, trained, strict=True), key=lambda pair: pair[1]):
        yield Segment([token for token, _ in run], learnt)


@contextmanager
def _template_errors(example: Example) -> Iterator[None]:
    """Raise what a chat template refuses as an `InputError` that names the example."""
    from jinja2 import TemplateError

    try:
        yield
    except (TemplateError, TypeError, ValueError) as error:
        raise InputError(f"{example.id}: the chat template refuses it: {one_line(error)}; {NO_TEMPLATE}") from None
