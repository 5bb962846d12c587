"""What a head learns of a text, and how its outputs are read."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from paretune.engine.classification import labelled_batch, labelled_rows
from paretune.engine.heads import head_reading
from paretune.models.toy import toy_tokenizer
from paretune.tasks import LabelledExample
from tests.tasks.test_label_scoring import Given

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, -0.5, -2.0]])


def test_one_label() -> None:
    reading = head_reading(Given("single_label", []))
    targets = reading.tensor([reading.target(label) for label in ("a", "c")])
    assert reading.loss(LOGITS, targets) == cross_entropy(LOGITS, torch.tensor([0, 2]), reduction="sum")
    first, second = reading.answers(LOGITS)
    assert (first, second) == ("a", "b")
    assert sum(first.values) == pytest.approx(1)
    assert reading.settings["id2label"] == {0: "a", 1: "b", 2: "c"}


def test_several_labels() -> None:
    reading = head_reading(Given("several_labels", []))
    targets = reading.tensor([reading.target(label) for label in (("a", "c"), ())])
    expected = torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    assert torch.equal(targets, expected)
    mean = binary_cross_entropy_with_logits(LOGITS, expected, reduction="none").mean(dim=1).sum()
    torch.testing.assert_close(reading.loss(LOGITS, targets), mean)
    assert reading.answers(LOGITS) == ["a, c", ""]


def test_a_number_is_learnt_in_units_of_the_training_data_and_read_in_its_own() -> None:
    train = [100.0, 200.0, 400.0, 700.0]
    reading = head_reading(Given("regression", [], train))
    targets = reading.tensor([reading.target(number) for number in train])
    assert targets.mean() == pytest.approx(0, abs=1e-6)
    assert targets.std(correction=0) == pytest.approx(1)
    assert [float(answer) for answer in reading.answers(targets.unsqueeze(-1))] == pytest.approx(train)
    assert reading.loss(targets.unsqueeze(-1) + 0.5, targets) == pytest.approx(4 * 0.25)
    assert reading.num_outputs == 1


def test_numbers_that_do_not_vary_are_no_division_by_zero() -> None:
    reading = head_reading(Given("regression", [], [3.0, 3.0]))
    assert reading.answers(torch.tensor([[0.0]])) == ["3"]


def test_texts_are_cut_and_keep_their_special_tokens() -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = toy_tokenizer()
    begin, end = ("<bos>", tokenizer.bos_token_id), ("<eos>", tokenizer.eos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> $B:1 <eos>:1", special_tokens=[begin, end]
    )
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    reading = head_reading(Given("single_label", []))
    examples = [
        LabelledExample("1", "abcdefghijklmnop", "a"),
        LabelledExample("2", "ab", "b", second="cdefghijklmnop"),
        LabelledExample("3", "ab", "c"),
    ]
    cut, pair, short = labelled_rows(examples, reading, tokenizer, 8)
    assert tokenizer.decode(cut.input_ids) == "<bos>abcdef<eos>"
    assert tokenizer.decode(pair.input_ids) == "<bos>ab<eos>cde<eos>"
    assert pair.token_types == [0, 0, 0, 0, 1, 1, 1, 1]
    assert (cut.token_types, short.token_types, short.num_tokens) == ((), (), 4)
    batch = labelled_batch([pair, short], pad_id=0)
    assert batch.inputs["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1, 1], [0] * 8]
    assert "token_type_ids" not in labelled_batch([cut, short], pad_id=0).inputs
