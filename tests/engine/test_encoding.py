"""One begin token, one end token after each answer, and questions as training showed them."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import processors

from paretune.engine import Encoded, encode, encode_question, encode_within, ended_once, uses_template
from paretune.models.toy import toy_tokenizer
from paretune.spec import InputError
from paretune.tasks import Example, Message

CHATML = (
    "{% for message in messages %}<bos>{{ message.role }}\n{{ message.content }}<eos>\n{% endfor %}"
    "{% if add_generation_prompt %}<bos>assistant\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'assistant' %} "
    "{{ message.content }}{{ eos_token }}{% else %}[{{ message.content }}]{% endif %}{% endfor %}"
)
BARE = (
    "{{ bos_token }}{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
"""Without an end token."""
STRICT = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn here') }}{% endif %}" + BARE
HIDES = "{% for message in messages %}{{ message.role }}{% endfor %}{% if add_generation_prompt %}?{% endif %}"

POST_PROCESSORS = {"nothing": None, "a begin token": "<bos> $A", "both": "<bos> $A <eos>", "an end token": "$A <eos>"}
ANSWER = Message("assistant", "Because. " * 20)
TEXT = st.text("abc XYZ.,!\n", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def tokenizer_with(post_processor: str, template: str | None = None) -> Any:
    tokenizer = toy_tokenizer()
    added = POST_PROCESSORS[post_processor]
    if added is not None:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=added,
            special_tokens=[("<bos>", tokenizer.bos_token_id), ("<eos>", tokenizer.eos_token_id)],
        )
    tokenizer.chat_template = template
    return tokenizer


def example(prompt: str, completion: str, *messages: str) -> Example:
    """Return an example; as messages by turns of user and assistant, where there are some."""
    turns = tuple(Message("assistant" if place % 2 else "user", text) for place, text in enumerate(messages))
    return Example("row 1", prompt, completion, completion.strip(), "all", None, turns)


def ids_of(encoded: Encoded) -> list[int]:
    return [token for segment in encoded.segments for token in segment.ids]


@given(
    prompt=TEXT,
    completion=TEXT,
    post_processor=st.sampled_from(list(POST_PROCESSORS)),
    marks=st.tuples(st.booleans(), st.integers(0, 2)),
    whole_text=st.booleans(),
)
def test_one_begin_token_and_one_end_token(
    prompt: str, completion: str, post_processor: str, marks: tuple[bool, int], whole_text: bool
) -> None:
    begun, ended = marks
    tokenizer = tokenizer_with(post_processor)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    one = example("<bos>" * begun + prompt, completion + "<eos>" * ended)
    ids = ids_of(encode(one, tokenizer, whole_text=whole_text))
    assert ids.count(begin) == (1 if begun or "<bos>" in str(POST_PROCESSORS[post_processor]) else 0)
    assert ids.count(begin) == ids[:1].count(begin)
    assert (ids.count(end), ids[-1]) == (1, end)
    assert ids[: -len(completion) - 1] == encode_question(one, tokenizer)
    plain = one._replace(learns_prompt=True)
    assert ids_of(encode(plain, tokenizer)) == ids


@given(prompt=TEXT, completion=TEXT, longest=st.integers(2, 40))
def test_plain_text_is_cut_and_nothing_else(prompt: str, completion: str, longest: int) -> None:
    tokenizer = tokenizer_with("both")
    one = example(prompt, completion)
    plain = one._replace(learns_prompt=True)
    assert encode_within(one, tokenizer, longest) == encode(one, tokenizer)
    assert ids_of(encode_within(plain, tokenizer, longest)) == ids_of(encode(plain, tokenizer))[:longest]


@given(turns=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), template=st.sampled_from([CHATML, LLAMA, BARE]))
def test_conversations_end_each_answer_once_and_begin_as_asked(turns: list[tuple[str, str]], template: str) -> None:
    tokenizer = tokenizer_with("both", template)
    one = example("", turns[-1][1], *(text for turn in turns for text in turn))
    encoded = encode(one, tokenizer)
    learnt = [segment.ids for segment in encoded.segments if segment.trained]
    answers = [text for _, text in turns]
    assert len(learnt) == len(turns)
    if template != BARE:
        assert all(ids.count(tokenizer.eos_token_id) == 1 and ids[-1] == tokenizer.eos_token_id for ids in learnt)
    assert learnt[-1][-1] == tokenizer.eos_token_id
    assert ids_of(encoded).count(tokenizer.bos_token_id) == (2 * len(turns) if template == CHATML else 1)
    shown = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in learnt]
    assert shown == [text.strip() for text in answers]
    question = encode_question(one, tokenizer)
    assert ids_of(encoded)[: len(question)] == question
    assert encoded.answer == learnt[-1]


@pytest.mark.parametrize(
    "said",
    [
        "{% generation %}{{ message.content }}{% endgeneration %}{{ eos_token }}\n",
        "{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}\n",
        "{% generation %}{{ message.content }}{{ eos_token }}\n{% endgeneration %}",
        "{%- generation %}{{ message.content }}{% endgeneration %}",
    ],
)
def test_marks_of_a_template_go_down_to_the_end_token_wherever_they_end(said: str) -> None:
    answered = f"{{% if message.role == 'assistant' %}}{said}{{% else %}}[{{{{ message.content }}}}]{{% endif %}}"
    tokenizer = tokenizer_with("both", f"{{% for message in messages %}}{answered}{{% endfor %}}")
    encoded = encode(example("", "d", "a", "b", "c", "d"), tokenizer)
    learnt = [tokenizer.decode(segment.ids) for segment in encoded.segments if segment.trained]
    assert learnt == ["b<eos>" if "eos_token" in said else "b", "d<eos>"]
    assert encoded.answer[-1] == tokenizer.eos_token_id


def test_the_loss_of_the_whole_text_is_on_all_but_its_first_token() -> None:
    tokenizer = tokenizer_with("nothing", CHATML)
    (first, rest) = encode(example("", "b", "a", "b"), tokenizer, whole_text=True).segments
    assert (len(first.ids), first.trained, rest.trained) == (1, False, True)


def test_messages_are_text_where_there_is_no_template() -> None:
    one, tokenizer = example("User: a\n\nAssistant:", " b", "a", "b"), tokenizer_with("nothing")
    assert not uses_template(one, tokenizer)
    assert tokenizer.decode(ids_of(encode(one, tokenizer))) == "User: a\n\nAssistant: b<eos>"
    assert not uses_template(one._replace(messages=()), tokenizer_with("nothing", CHATML))


def test_worked_examples_are_turns_of_the_same_conversation() -> None:
    tokenizer = tokenizer_with("nothing", BARE)
    system = Message("system", "be short")
    one = example("", "d", "c", "d")
    one = one._replace(messages=(system, *one.messages))
    shot = example("", "b", "a", "b")
    shot = shot._replace(messages=(system, *shot.messages))
    asked = tokenizer.decode(encode_question(one, tokenizer, [shot], opening="not shown"))
    assert asked == "<bos>system: be short\nuser: a\nassistant: b\nuser: c\nassistant: "


def test_what_a_template_refuses_or_hides_names_the_row_and_the_way_out() -> None:
    refused = example("", "b", "a", "b")
    refused = refused._replace(messages=(Message("system", "x"), *refused.messages))
    for one, template, words in (
        (refused, STRICT, "row 1: the chat template refuses it: no system turn here"),
        (example("", "b", "a", "b"), HIDES, "row 1: the chat template's prompt for an answer"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            encode(one, tokenizer_with("nothing", template))
        assert "--no-chat-template" in str(caught.value)


def test_an_empty_question_is_not_empty_for_the_model() -> None:
    tokenizer = tokenizer_with("nothing")
    assert encode_question(example("", "x"), tokenizer) == [tokenizer.eos_token_id]


THINKS = CHATML.replace(
    "{{ message.content }}",
    "{% if message.role == 'assistant' and loop.last and '</t>' not in message.content %}<t></t>\n{% endif %}"
    "{{ message.content }}",
)
"""Puts an empty block of reasoning before the last answer."""


def shown(one: Example, tokenizer: Any) -> str:
    """Return an example as text, with ⟦ and ⟧ around what is learnt."""
    segments = encode(one, tokenizer).segments
    return "".join(f"⟦{text}⟧" if learnt else text for ids, learnt in segments for text in [tokenizer.decode(ids)])


@pytest.mark.parametrize("template", [CHATML, LLAMA, BARE])
def test_an_answer_that_opens_the_conversation_is_context(template: str) -> None:
    tokenizer = tokenizer_with("nothing", template)
    answered = example("", "c", "b", "c").messages
    one = example("", "c")._replace(messages=(Message("assistant", "hello"), *answered))
    text = shown(one, tokenizer)
    assert text.count("⟦") == 1
    assert text.index("hello") < text.index("⟦") < text.index("c")
    assert ids_of(encode(one, tokenizer))[: len(encode_question(one, tokenizer))] == encode_question(one, tokenizer)


def test_what_a_template_puts_before_the_last_answer_is_asked_with_and_not_learnt() -> None:
    tokenizer = tokenizer_with("nothing", THINKS)
    one = example("", "d", "a", "b", "c", "d")
    before = "<bos>user\na<eos>\n<bos>assistant\n⟦b<eos>⟧\n<bos>user\nc<eos>\n<bos>assistant\n<t></t>\n"
    assert shown(one, tokenizer) == f"{before}⟦d<eos>⟧\n"
    asked = tokenizer.decode(encode_question(one, tokenizer))
    assert asked == before.replace("⟦", "").replace("⟧", "")
    reasons = example("", "<t>x</t>d", "a", "<t>x</t>d")
    assert shown(reasons, tokenizer) == "<bos>user\na<eos>\n<bos>assistant\n⟦<t>x</t>d<eos>⟧\n"


def test_an_end_that_only_the_conversation_has_hides_no_earlier_answer() -> None:
    ended = "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
    tokenizer = tokenizer_with("nothing", BARE + ended)
    one = example("", "d", "a", "b", "c", "d")
    assert shown(one, tokenizer) == "<bos>user: a\nassistant: ⟦b\n⟧user: c\nassistant: ⟦d\n<eos>⟧"


def test_an_earlier_answer_that_a_template_changes_is_refused() -> None:
    cuts = CHATML.replace("{{ message.content }}", "{{ message.content if loop.last else message.content[2:] }}")
    with pytest.raises(InputError, match="row 1: the chat template does not show message 2, an answer") as caught:
        encode(example("", "d", "a", "xxb", "c", "d"), tokenizer_with("nothing", cuts))
    assert "--no-chat-template" in str(caught.value)


def test_a_template_that_fails_in_another_way_names_the_row() -> None:
    fails = "{{ messages[0].content + 1 }}"
    with pytest.raises(InputError, match="row 1: the chat template refuses it: can only concatenate str"):
        encode(example("", "b", "a", "b"), tokenizer_with("nothing", fails))


@pytest.mark.parametrize("template", [CHATML.replace("<eos>", "<|end|>"), None])
def test_end_tokens_of_the_data_are_not_added_to_those_of_the_tokenizer(template: str | None) -> None:
    tokenizer = tokenizer_with("nothing", template)
    tokenizer.add_special_tokens({"eos_token": "<|return|>", "additional_special_tokens": ["<|end|>", "<|image|>"]})
    ended = example("", "d<|return|>", "a<|end|> ", "b<|end|>", "c<|image|>", "d<|end|>\n<|return|>")
    plain = example("", "d", "a<|end|> " if template is None else "a", "b", "c<|image|>", "d")
    assert encode(ended, tokenizer) == encode(plain, tokenizer)
    assert encode_question(ended, tokenizer) == encode_question(plain, tokenizer)
    assert (ended_once(ended, tokenizer).target, ended_once(plain, tokenizer).target) == ("d", "d")


def test_an_answer_of_nothing_but_an_end_token_stays() -> None:
    one, tokenizer = example("a", "<eos>"), tokenizer_with("nothing")
    assert ended_once(one, tokenizer) == one


def test_long_texts_are_encoded_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    said = logging.getLogger("transformers")
    caplog.set_level(logging.WARNING, logger="transformers")
    said.addHandler(caplog.handler)
    tokenizers = [tokenizer_with("nothing"), tokenizer_with("nothing", BARE)]
    one = Example("q", "Why? " * 20, " Because." * 20, "x", "all", messages=(Message("user", "Why? " * 20), ANSWER))
    try:
        for tokenizer in tokenizers:
            tokenizer.model_max_length = 8
            for shown in (one, one._replace(learns_prompt=True, messages=())):
                encode(shown, tokenizer)
                encode_question(shown, tokenizer)
        assert not caplog.records
        tokenizers[0](one.prompt)
        assert "longer than the specified maximum" in caplog.text
    finally:
        said.removeHandler(caplog.handler)
