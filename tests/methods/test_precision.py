"""Training in float32 on a base in bfloat16, and what is left of it in a checkpoint."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from paretune.methods import Context, build, resolve
from paretune.methods.precision import as_loaded, train_in_float32
from paretune.models import load_model
from paretune.spec import MethodEntry, Recipe

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", ["lora", "ln-tuning", "adaption-prompt", "full"])
def test_put_back_it_has_the_formats_of_the_checkpoint_that_is_loaded_again(name: str, tmp_path: Path) -> None:
    method = build(resolve(MethodEntry(name=name)))
    loaded = load_model("toy:llama", dtype="bfloat16")
    recipe = Recipe(dtype="bfloat16", trainable_dtype="float32")
    model = method.wrap(loaded.model, Context(recipe, 1e-3, 0, loaded.tokenizer))
    assert {parameter.dtype for parameter in model.parameters() if parameter.requires_grad} == {torch.float32}
    method.save(model, tmp_path)
    as_loaded(model)
    again = method.load(load_model("toy:llama", dtype="bfloat16").model, tmp_path)
    assert {n: p.dtype for n, p in model.named_parameters()} == {n: p.dtype for n, p in again.named_parameters()}
    assert model(torch.arange(4)[None]).logits.shape == again(torch.arange(4)[None]).logits.shape


def test_autocast_is_that_of_the_inputs_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that will be cut among GPUs is in main memory when its method is attached."""
    began: list[str] = []

    def autocast(device_type: str, dtype: torch.dtype) -> AbstractContextManager[None]:
        assert dtype == torch.bfloat16
        began.append(device_type)
        return nullcontext()

    class Layer(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs

    monkeypatch.setattr("paretune.methods.precision.torch.autocast", autocast)
    layer = Layer(2, 2, dtype=torch.bfloat16)
    train_in_float32(layer)
    layer(torch.empty(2, 2, device="meta"))
    layer(inputs=torch.empty(2, 2))
    assert began == ["meta", "cpu"]
