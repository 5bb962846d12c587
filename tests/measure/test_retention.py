import math
from typing import Any

import pytest
import torch
from peft import PrefixTuningConfig, PromptTuningConfig, TaskType, get_peft_model

from paretune.measure import check_texts, general_texts, text_losses
from paretune.measure.retention import MAX_TOKENS
from paretune.spec import BUILT_IN_TEXT, InputError

TEXTS = ("the state of the union", "my fellow citizens, it is strong", "ab")


def test_the_built_in_text_is_what_help_and_page_say_it_is() -> None:
    texts = general_texts()
    assert (
        f"the first {MAX_TOKENS} tokens of each of {len(texts)} English passages of State of the Union addresses, 1790 "
        "to 2021"
    ) == BUILT_IN_TEXT
    assert all(600 <= len(text) < 900 for text in texts)


def test_losses_are_the_mean_of_minus_log_probability(tiny_llama: Any, tokenizer: Any) -> None:
    model = tiny_llama().eval()
    losses = text_losses(model, tokenizer, TEXTS)
    for text, loss in zip(TEXTS, losses, strict=True):
        ids = tokenizer(text)["input_ids"]
        with torch.no_grad():
            probabilities = model(torch.tensor([ids])).logits[0].double().softmax(-1)
        expected = [-math.log(float(probabilities[position, ids[position + 1]])) for position in range(len(ids) - 1)]
        assert loss == pytest.approx(sum(expected) / len(expected), rel=1e-5)


def test_a_text_does_not_change_anothers_value(tiny_llama: Any, tokenizer: Any) -> None:
    model = tiny_llama()
    assert text_losses(model, tokenizer, TEXTS[1:]) == text_losses(model, tokenizer, TEXTS)[1:]


def test_dropout_is_off_and_the_mode_is_put_back(tiny_llama: Any, tokenizer: Any) -> None:
    model = tiny_llama()
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    assert text_losses(model, tokenizer, TEXTS) == text_losses(model, tokenizer, TEXTS)
    assert model.training
    text_losses(model.eval(), tokenizer, TEXTS)
    assert not model.training


def test_long_texts_are_cut(tiny_llama: Any, tokenizer: Any) -> None:
    model, text = tiny_llama(), "abcdefgh" * 100
    assert text_losses(model, tokenizer, [text]) == text_losses(model, tokenizer, [text[:MAX_TOKENS]])
    assert text_losses(model, tokenizer, [text]) != text_losses(model, tokenizer, [text[: MAX_TOKENS - 1]])


def test_a_text_with_nothing_to_predict_is_refused(tiny_llama: Any, tokenizer: Any) -> None:
    for refused in (lambda: text_losses(tiny_llama(), tokenizer, ["a"]), lambda: check_texts(tokenizer, ["ab", "a"])):
        with pytest.raises(InputError, match=r"general_text: 'a' has too few tokens \(1\)"):
            refused()
    check_texts(tokenizer, TEXTS)


def test_virtual_tokens_in_front_do_not_shift_the_text(tiny_llama: Any, tokenizer: Any) -> None:
    """Prompt tuning returns logits of its virtual tokens as well; they are put in front by hand for comparison."""
    model = get_peft_model(tiny_llama(), PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=5)).eval()
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    assert model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.shape[1] == 5 + ids.shape[1]
    with torch.no_grad():
        embedded = torch.cat([model.get_prompt(1), model.get_input_embeddings()(ids)], dim=1)
        logits = model.base_model(inputs_embeds=embedded).logits[:, 5:]
        expected = torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]).item()
    assert text_losses(model, tokenizer, TEXTS[:1])[0] == pytest.approx(expected, rel=1e-5)


def test_a_prefix_in_the_cache_does_not_shift_the_text_either(tiny_llama: Any, tokenizer: Any) -> None:
    base = tiny_llama().eval()
    untouched = text_losses(base, tokenizer, TEXTS)
    model = get_peft_model(base, PrefixTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=1)).eval()
    with torch.no_grad():
        for parameter in model.prompt_encoder.parameters():
            parameter.zero_()  # a key and a value of zeros only thin the attention out
    for loss, before in zip(text_losses(model, tokenizer, TEXTS), untouched, strict=True):
        assert loss == pytest.approx(before, abs=0.05)


def test_the_general_texts_are_there_and_long_enough() -> None:
    texts = general_texts()
    assert len(texts) >= 20
    assert len(set(texts)) == len(texts)
    assert min(len(text.split()) for text in texts) >= 50
    assert texts == general_texts()


def test_only_so_many_tokens_are_read(tiny_llama: Any, tokenizer: Any) -> None:
    model = tiny_llama()
    (short,) = text_losses(model, tokenizer, TEXTS[:1], max_tokens=4)
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"][:4]])
    with torch.no_grad():
        logits = model.eval()(ids).logits[0, :-1]
    assert short == pytest.approx(torch.nn.functional.cross_entropy(logits, ids[0, 1:]).item(), rel=1e-5)
