"""Tokens written out in the data: those that tokenizers add again are taken away, turns are left as they are."""

import re

from paretune.tasks.base import Message
from paretune.tasks.data.content import Content, turns_text
from paretune.tasks.data.values import Dropped

_BEGIN = ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "[BOS]")
_END = ("</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>", "[EOS]")
_STRUCK = re.compile(r"</s>(?!\s*(?:<s>|$))")
"""The closing tag of HTML rather than an end token: more text follows that no begin token opens."""
_TURNS = ("<|im_start|>", "[INST]", "<start_of_turn>", "<|start_header_id|>", "<|user|>", "<|assistant|>")


def without_marks(content: Content) -> Content:
    """Return a row without begin tokens before it and end tokens after its answers. Raises `Dropped` if none is left.

    A `<s>` is one of HTML, and stays with its `</s>`, where text follows that no other `<s>` opens; a closing `</s>` of
    an answer is one where the answer holds a `<s>`.
    """
    whole = "".join((content.prompt, content.completion, *(one.content for one in content.messages)))
    if content.completion and "<" not in whole and "[" not in whole:  # as nearly all rows are
        return content
    messages = tuple(
        Message(one.role, _ended(one.content)) if one.role == "assistant" else one for one in content.messages
    )
    if messages:
        messages = (messages[0]._replace(content=_begun(messages[0].content)), *messages[1:])
        prompt, completion = turns_text(messages[:-1]), messages[-1].content
    elif content.prompt:
        prompt, completion = _begun(content.prompt), _ended(content.completion)
    else:
        prompt, completion = "", _ended(_begun(content.completion))
    if not completion.strip() or not all(one.content.strip() for one in messages):
        raise Dropped("an answer that is an end token and nothing else")
    if (prompt, completion, messages) == content[:3]:
        return content
    return content._replace(prompt=prompt, completion=completion, messages=messages)


def holds_turns(content: Content) -> bool:
    """Tell whether a chat template was applied to a prompt already."""
    return not content.messages and any(mark in content.prompt for mark in _TURNS)


def _begun(text: str) -> str:
    if not text.startswith(_BEGIN):
        return text
    if text.startswith("<s>") and _STRUCK.search(text):
        return text
    for mark in _BEGIN:
        while text.startswith(mark):
            text = text.removeprefix(mark)
    return text


def _ended(text: str) -> str:
    bare = text.rstrip()
    if not bare.endswith(_END):
        return text
    for mark in _END:
        while bare.endswith(mark) and not (mark == "</s>" and "<s>" in bare):
            text = bare = bare.removesuffix(mark)
            bare = bare.rstrip()
    return text
