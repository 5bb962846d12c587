"""From a row of a known form to what a model is shown: a prompt and a completion, or messages."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paretune.tasks.base import Message
from paretune.tasks.data.forms import Form
from paretune.tasks.data.lettered import LETTERS, option_texts, place_of
from paretune.tasks.data.text import MORE_CELLS
from paretune.tasks.data.values import Dropped, as_text, parsed

_ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "instruction"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "chatbot", "chatgpt"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}


class Content(NamedTuple):
    """What one row holds."""

    prompt: str
    """Empty for plain text."""
    completion: str
    messages: tuple[Message, ...] = ()
    """Of a conversation: all of it, down to the last answer, which `completion` repeats. Empty otherwise."""
    choices: tuple[str, ...] = ()
    """The answers to choose from, where a column lists them."""
    second: str = ""
    """The second of two texts that have a label together, where `prompt` is the first; empty otherwise."""
    image: str = ""
    """The SHA-256 of the image's file; empty for rows without images."""


def content_of(columns: Mapping[str, Any], form: Form, *, labelled: bool = False) -> Content:
    """Return what the columns of a row show, those of nested objects as `outer.inner`.

    `labelled`: texts as they are, and their label as a completion. Raises `Dropped` where something is missing.
    """
    if columns.get(MORE_CELLS):
        raise Dropped("more cells than the header has columns")
    content = _labelled(columns, form) if labelled else _content(columns, form)
    whole = "".join((content.prompt, content.completion, content.second, *(one.content for one in content.messages)))
    try:
        if not whole.isascii():
            whole.encode()
    except UnicodeEncodeError:
        raise Dropped("half of a surrogate pair, which no tokenizer takes") from None
    return content


def _content(columns: Mapping[str, Any], form: Form) -> Content:
    if form.kind == "chat":
        return _conversation(columns.get(form.inputs[0]), form.inputs[0])
    if form.kind == "text":
        return Content("", "\n\n".join(_text(columns, name) for name in form.inputs))
    assert form.output is not None
    if form.kind == "pair" and form.inputs:
        prompt, completion = form.inputs[0], form.output
        if _holds_messages(columns.get(prompt)) or _holds_messages(columns.get(completion)):
            return _prompt_and_completion(columns, prompt, completion)
    found = [_text(columns, name, optional=name in form.optional) for name in form.inputs]
    prompt, completion = form.asked or "\n\n".join(filter(None, found)), _text(columns, form.output)
    if form.kind == "label":
        return Content(f"{prompt}\nLabel:", completion.strip())
    if form.kind == "choice":
        return _lettered(columns, form, prompt)
    return Content(prompt, completion)


def _lettered(columns: Mapping[str, Any], form: Form, question: str) -> Content:
    """Return a question with its options under letters, and the letter of the right one."""
    options = option_texts(columns.get(form.options or ""))
    if not options or len(options) > len(LETTERS):
        raise Dropped(f'no list of 1 to {len(LETTERS)} answers in column "{form.options}"')
    place = place_of(columns, form, len(options))
    if place is None:
        raise Dropped(f'column "{form.output}" names none of the answers in column "{form.options}"')
    listed = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=False))
    return Content(f"{question}\n{listed}\nAnswer:", LETTERS[place], choices=tuple(LETTERS[: len(options)]))


def _labelled(columns: Mapping[str, Any], form: Form) -> Content:
    """Return one text or two with their label; of several labels, all of them as JSON."""
    assert form.output is not None
    first, *more = (_text(columns, name) for name in form.inputs)
    value = columns.get(form.output)
    if isinstance(value, list | tuple):
        return Content(first, json.dumps([one for one in map(as_text, value) if one]), second="".join(more))
    return Content(first, _text(columns, form.output).strip(), second="".join(more))


def choices_in(value: Any, column: str) -> tuple[str, ...]:
    """Return the different answers that a column lists, as a list or as its JSON. Raises `Dropped` otherwise."""
    listed = parsed(value) if isinstance(value, str) else value
    found = [as_text(one) for one in listed] if isinstance(listed, list | tuple) else []
    if not found or None in found:
        raise Dropped(f'no list of answers in column "{column}"')
    return tuple(dict.fromkeys(one.strip() for one in found if one is not None))


def _text(columns: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = columns.get(name)
    if value is None:  # the answers of a reading task are an object with a list of texts
        value = columns.get(f"{name}.text")
    text = as_text(value)
    if text is None and not optional:
        raise Dropped(f'nothing in column "{name}"')
    return text or ""


def _prompt_and_completion(columns: Mapping[str, Any], prompt: str, completion: str) -> Content:
    """Return prompt and completion of which one is a list of messages; a completion may hold the whole conversation."""
    asked, answered = columns.get(prompt), columns.get(completion)
    asked = _messages(asked, prompt) if _holds_messages(asked) else (Message("user", _text(columns, prompt)),)
    if not _holds_messages(answered):
        return _whole((*asked, Message("assistant", _text(columns, completion))), completion)
    said = _messages(answered, completion)
    return _whole(said if said[: len(asked)] == asked else (*asked, *said), completion)


def _conversation(value: Any, column: str) -> Content:
    return _whole(_messages(value, column), column)


def _whole(messages: tuple[Message, ...], column: str) -> Content:
    """Return a conversation down to its last answer."""
    last = max((index for index, message in enumerate(messages) if message.role == "assistant"), default=0)
    asked = messages[:last]
    if not any(message.role == "user" for message in asked):
        raise Dropped(f'no answer to a user in column "{column}"')
    return Content(turns_text(asked), messages[last].content, messages[: last + 1])


def turns_text(messages: Sequence[Message]) -> str:
    """Return messages as plain text that an answer continues, for models without a chat template."""
    lines = [f"{message.role.capitalize()}: {message.content}" for message in messages]
    return "\n\n".join([*lines, "Assistant:"])


def _holds_messages(value: Any) -> bool:
    if isinstance(value, str):
        return value.lstrip().startswith("[{") and isinstance(parsed(value), list)
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _messages(value: Any, column: str) -> tuple[Message, ...]:
    listed = parsed(value) if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not listed:
        raise Dropped(f'no messages in column "{column}"')
    return tuple(_message(one) for one in listed)


def _message(value: Any) -> Message:
    """Return one message: `role` and `content`, or `from` and `value` as in ShareGPT."""
    if not isinstance(value, Mapping):
        raise Dropped("a message that is not an object with a role and a content")
    named = value.get("role") or value.get("from")
    role = _ROLES.get(str(named).strip().casefold())
    if role is None or value.get("tool_calls"):
        raise Dropped("a tool call" if value.get("tool_calls") else f'a message of the role "{named}"')
    content = value.get("content", value.get("value", value.get("text")))
    if isinstance(content, list):  # parts, of which only text can be shown here
        if any(not isinstance(part, Mapping) or part.get("type", "text") != "text" for part in content):
            raise Dropped("a message that is not text alone")
        content = "".join(str(part.get("text") or "") for part in content)
    text = as_text(content)
    if text is None:
        raise Dropped("a message without content")
    return Message(role, text)
