"""Tokens written out in the data: those that tokenizers add again are taken away, turns are left as they are."""

from paretune.tasks.base import Message
from paretune.tasks.data.content import Content, Dropped

_BEGIN = ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "[BOS]")
_END = ("</s>", "<eos>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<end_of_turn>", "[EOS]")
_TURNS = ("<|im_start|>", "[INST]", "<start_of_turn>", "<|start_header_id|>", "<|user|>", "<|assistant|>")


def without_marks(content: Content) -> Content:
    """Return a row without begin tokens before it and end tokens after its answers. Raises `Dropped` if none is left.

    A closing `</s>` is one of HTML, and stays, where the same text holds a `<s>`.
    """
    messages = tuple(
        Message(one.role, _ended(one.content)) if one.role == "assistant" else one for one in content.messages
    )
    if content.prompt:
        prompt, completion = _begun(content.prompt), _ended(content.completion)
    else:
        prompt, completion = "", _ended(_begun(content.completion))
    if not completion.strip() or not all(one.content.strip() for one in messages):
        raise Dropped("an answer that is an end token and nothing else")
    return Content(prompt, completion, messages)


def holds_turns(content: Content) -> bool:
    """Tell whether a chat template was applied to a prompt already."""
    return not content.messages and any(mark in content.prompt for mark in _TURNS)


def _begun(text: str) -> str:
    for mark in _BEGIN:
        while text.startswith(mark):
            text = text.removeprefix(mark)
    return text


def _ended(text: str) -> str:
    bare = text.rstrip()
    for mark in _END:
        while bare.endswith(mark) and not (mark == "</s>" and "<s>" in bare):
            text = bare = bare.removesuffix(mark)
            bare = bare.rstrip()
    return text
