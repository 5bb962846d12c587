"""From a row of a known form to what a model is shown: a prompt and a completion, or messages."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from paretune.tasks.base import Message
from paretune.tasks.data.forms import Form, flat
from paretune.tasks.data.text import MORE_CELLS

_ROLES = {
    **dict.fromkeys(("user", "human", "prompter", "instruction"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "chatbot", "chatgpt"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}


class Dropped(Exception):
    """A row that cannot be used; its message says why, in the words of the data report."""


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


def content_of(row: Mapping[str, Any], form: Form, *, labelled: bool = False) -> Content:
    """Return what a row shows; `labelled`: texts as they are, and their label as a completion.

    Raises `Dropped` for one in which something is missing.
    """
    if row.get(MORE_CELLS):
        raise Dropped("more cells than the header has columns")
    content = _labelled(flat(row), form) if labelled else _content(flat(row), form)
    try:
        "".join((*content[:2], content.second, *(one.content for one in content.messages))).encode()
    except UnicodeEncodeError:
        raise Dropped("half of a surrogate pair, which no tokenizer takes") from None
    return content


def _content(columns: Mapping[str, Any], form: Form) -> Content:
    if form.kind == "chat":
        return _conversation(columns.get(form.inputs[0]), form.inputs[0])
    if form.kind == "text":
        return Content("", "\n\n".join(_text(columns, name) for name in form.inputs))
    assert form.output is not None
    if form.kind == "pair" and any(_holds_messages(columns.get(name)) for name in (form.inputs[0], form.output)):
        return _prompt_and_completion(columns, form.inputs[0], form.output)
    found = [_text(columns, name, optional=name in form.optional) for name in form.inputs]
    prompt, completion = "\n\n".join(filter(None, found)), _text(columns, form.output)
    if form.kind == "label":
        return Content(f"{prompt}\nLabel:", completion.strip())
    return Content(prompt, completion)


def _labelled(columns: Mapping[str, Any], form: Form) -> Content:
    """Return one text or two with their label; of several labels, all of them as JSON."""
    assert form.output is not None
    first, *more = (_text(columns, name) for name in form.inputs)
    value = columns.get(form.output)
    if isinstance(value, list | tuple):
        return Content(first, json.dumps([one for one in map(as_text, value) if one]), second="".join(more))
    return Content(first, _text(columns, form.output).strip(), second="".join(more))


def as_text(value: Any) -> str | None:
    """Return a value as text, or None where it says nothing.

    True and false are written as in JSON, whole numbers without a decimal point, bytes as the UTF-8 that they are. Of a
    list, and of the answers of a reading task, the first text counts. Raises `Dropped` for other bytes.
    """
    match _decoded(value) if isinstance(value, bytes) else value:
        case None:
            return None
        case str() as value:
            return value if value.strip() else None
        case bool():
            return "true" if value else "false"
        case float():
            return None if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
        case list() | tuple():
            return as_text(value[0]) if value and not isinstance(value[0], Mapping) else None
        case _:
            return str(value)


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Dropped("bytes that are not UTF-8") from None


def choices_in(value: Any, column: str) -> tuple[str, ...]:
    """Return the different answers that a column lists, as a list or as its JSON. Raises `Dropped` otherwise."""
    listed = _parsed(value) if isinstance(value, str) else value
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
        return value.lstrip().startswith("[{") and isinstance(_parsed(value), list)
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _messages(value: Any, column: str) -> tuple[Message, ...]:
    listed = _parsed(value) if isinstance(value, str) else value
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
