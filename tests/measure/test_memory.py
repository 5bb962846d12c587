import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from paretune.measure import LiveStorage, count_peak_bytes

FLOAT32_BYTES = 4


def test_inputs_and_result_of_a_product_are_live_together() -> None:
    left, right = torch.ones(10, 20), torch.ones(20, 30)
    counter = LiveStorage()
    with counter:
        product = left @ right
    assert product.shape == (10, 30)
    assert counter.live_bytes == counter.peak_bytes == (200 + 600 + 300) * FLOAT32_BYTES


def test_what_dies_no_longer_counts_but_stays_in_the_peak() -> None:
    counter = LiveStorage()
    with counter:
        first = torch.zeros(100)
        del first
        second = torch.zeros(60)
    assert counter.live_bytes == second.nbytes == 240
    assert counter.peak_bytes == 400


def test_what_dies_after_counting_no_longer_counts() -> None:
    counter = LiveStorage()
    with counter:
        tensor = torch.zeros(100)
    del tensor
    assert counter.live_bytes == 0


def test_views_count_once_and_keep_the_whole_storage_alive() -> None:
    counter = LiveStorage()
    with counter:
        whole = torch.zeros(10, 10)
        views = [whole.t(), whole[2:4], whole.reshape(100), whole.unsqueeze(0), whole.detach()]
        assert counter.live_bytes == 400
        row = whole[0]
        del whole, views
    assert row.shape == (10,)
    assert counter.live_bytes == counter.peak_bytes == 400


def test_a_storage_that_is_resized_without_an_operator_counts_as_it_is() -> None:
    resize = torch.UntypedStorage.resize_
    counter = LiveStorage()
    with counter:
        tensor = torch.zeros(100)
        tensor.untyped_storage().resize_(0)  # as sharded training lets go of a whole parameter
        assert (counter.live_bytes, counter.peak_bytes) == (0, 400)
        tensor.untyped_storage().resize_(800)
        assert (counter.live_bytes, counter.peak_bytes) == (800, 800)
        tensor.untyped_storage().resize_(400)
    assert counter.live_bytes == 400
    assert torch.UntypedStorage.resize_ is resize
    tensor.untyped_storage().resize_(0)  # unseen
    del tensor
    assert (counter.live_bytes, counter.peak_bytes) == (0, 800)


def test_in_place_operators_take_nothing_more() -> None:
    counter = LiveStorage()
    with counter:
        tensor = torch.zeros(100)
        tensor.add_(1).mul_(2)
        tensor[:50].fill_(3)
        torch.relu_(tensor)
    assert counter.live_bytes == counter.peak_bytes == 400


def test_a_storage_that_grows_counts_with_its_new_size() -> None:
    counter = LiveStorage()
    with counter:
        result = torch.empty(0)
        torch.add(torch.ones(50), 1, out=result)
    assert counter.live_bytes == result.nbytes == 200
    assert counter.peak_bytes == 400


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize("make", [torch.sparse_csr_tensor, torch.sparse_csc_tensor])
def test_compressed_tensors_count_their_parts(make: Callable[..., torch.Tensor]) -> None:
    sparse = make(torch.arange(9), torch.arange(8), torch.ones(8))
    counter = LiveStorage()
    counter.track([sparse, sparse])
    assert counter.live_bytes == (9 + 8) * 8 + 8 * FLOAT32_BYTES


def test_coordinate_tensors_count_their_parts() -> None:
    counter = LiveStorage()
    counter.track([torch.sparse_coo_tensor(torch.zeros(2, 8, dtype=torch.int64), torch.ones(8), (4, 4))])
    assert counter.live_bytes == 0  # nobody holds the tensor
    sparse = torch.sparse_coo_tensor(torch.zeros(2, 8, dtype=torch.int64), torch.ones(8), (4, 4))
    counter.track([sparse, sparse.detach()])
    assert counter.live_bytes == 16 * 8 + 8 * FLOAT32_BYTES


def test_backward_counts_activations_and_gradients() -> None:
    """A square layer of width 8 on 16 rows, by hand.

    At the end of the backward pass live: weight, input, output, the two scalars of loss and its gradient, the output's
    gradient (a single number, expanded), and the weight's gradient.
    """
    layer = nn.Linear(8, 8, bias=False)
    inputs = torch.ones(16, 8)
    counter = LiveStorage()
    counter.track(layer.parameters())
    with counter:
        loss: Any = layer(inputs).sum()
        assert counter.live_bytes == (64 + 128 + 1) * FLOAT32_BYTES  # `sum` keeps no output, the layer keeps its input
        loss.backward()
    assert counter.peak_bytes >= (64 + 128 + 128) * FLOAT32_BYTES
    assert counter.live_bytes == (64 + 128 + 1 + 64) * FLOAT32_BYTES
    layer.zero_grad()
    assert counter.live_bytes == (64 + 128 + 1) * FLOAT32_BYTES


def test_a_kept_activation_lives_until_the_backward_pass_has_used_it() -> None:
    inputs = torch.ones(100, requires_grad=True)
    counter = LiveStorage()
    with counter:
        loss: Any = inputs.exp().sum()
        assert counter.live_bytes == (100 + 100 + 1) * FLOAT32_BYTES
        loss.backward()
        assert inputs.grad is not None
    assert counter.live_bytes == (100 + 100 + 1) * FLOAT32_BYTES  # the activation went, the gradient came


def test_adamw_keeps_two_numbers_for_each_parameter() -> None:
    layer = nn.Linear(100, 10)
    for parameter in layer.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer = torch.optim.AdamW(layer.parameters(), foreach=False)
    counter = LiveStorage()
    counter.track([*layer.parameters(), *(torch.as_tensor(p.grad) for p in layer.parameters())])
    before = counter.live_bytes
    assert before == 2 * 1010 * FLOAT32_BYTES
    with counter:
        optimizer.step()
        optimizer.step()
    step_counters = 2 * FLOAT32_BYTES
    assert counter.live_bytes - before == 2 * 1010 * FLOAT32_BYTES + step_counters


def test_the_model_counts_from_the_start_even_where_nothing_touches_it() -> None:
    model = nn.BatchNorm1d(10)  # weight, bias, two running statistics, one int64
    assert count_peak_bytes(model, lambda: None) == 4 * 10 * FLOAT32_BYTES + 8
    assert count_peak_bytes(model, lambda: torch.zeros(1000)) == 4 * 10 * FLOAT32_BYTES + 8 + 4000


def test_gradients_that_are_there_already_count() -> None:
    model = nn.Linear(10, 10, bias=False)
    model.weight.grad = torch.zeros(10, 10)
    assert count_peak_bytes(model, lambda: None) == 800


def test_the_collector_is_on_again_after_an_error() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        count_peak_bytes(nn.Linear(1, 1), fail)
    assert gc.isenabled()


def _training_peak_bytes(model: Any, steps: int = 2) -> int:
    tokens = torch.arange(64).reshape(4, 16)

    def run() -> None:
        optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
        for _ in range(steps):
            model(input_ids=tokens, labels=tokens).loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    return count_peak_bytes(model, run)


def _with_lora(model: Any) -> Any:
    return get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"]))


def test_training_counts_the_same_bytes_at_every_run(tiny_llama: Any) -> None:
    peaks = {_training_peak_bytes(_with_lora(tiny_llama())) for _ in range(2)}
    rubbish: list[Any] = [[] for _ in range(5000)]
    for part in rubbish:
        part.append(part)  # cycles, for the collector to find at another moment than before
    del rubbish
    peaks.add(_training_peak_bytes(_with_lora(tiny_llama())))
    assert len(peaks) == 1


def test_lora_needs_less_than_full_fine_tuning(tiny_llama: Any) -> None:
    full, model = tiny_llama(), _with_lora(tiny_llama())
    base_bytes = sum(parameter.nbytes for parameter in full.parameters())
    lora_bytes = _training_peak_bytes(model)
    full_bytes = _training_peak_bytes(full)
    assert full_bytes >= 4 * base_bytes  # weights, gradients and two states
    assert base_bytes < lora_bytes < full_bytes - 2 * base_bytes


def test_optimizer_states_show_from_the_second_step_on(tiny_llama: Any) -> None:
    states_bytes = 2 * sum(parameter.nbytes for parameter in tiny_llama().parameters())
    grown = _training_peak_bytes(tiny_llama(), steps=2) - _training_peak_bytes(tiny_llama(), steps=1)
    assert 0 < grown <= states_bytes * 1.01


def test_generation_counts_the_growing_cache(tiny_llama: Any) -> None:
    model = tiny_llama().eval()
    prompt = torch.ones(2, 8, dtype=torch.int64)

    def answer(num_tokens: int) -> int:
        def run() -> None:
            with torch.no_grad():
                model.generate(prompt, max_new_tokens=num_tokens, min_new_tokens=num_tokens, do_sample=False)

        return count_peak_bytes(model, run)

    cache_bytes_per_token = 2 * 2 * 2 * 32 * FLOAT32_BYTES  # keys and values, layers, rows, width
    short, long = answer(20), answer(220)
    assert long - short >= 200 * cache_bytes_per_token
    assert long == answer(220)
