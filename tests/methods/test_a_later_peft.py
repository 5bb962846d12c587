"""A method that a later peft brings shows up by itself and runs when it needs nothing special."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.config import PeftConfig
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import Tensor, nn

from paretune.methods import method_cards, prior_learning_rate, registry, resolve
from paretune.spec import InputError, MethodEntry
from tests.methods.real_path import run_one, small_study

NEW_TYPE = "OUTPUT_SHIFT"


@dataclass
class OutputShiftConfig(PeftConfig):  # type: ignore[misc] # peft is not typed
    """What a new method's config looks like."""

    start: float = 0.0
    target_modules: Any = None
    modules_to_save: Any = None
    exclude_modules: Any = None
    layers_to_transform: Any = None
    layers_pattern: Any = None
    bias: str = field(default="none")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = NEW_TYPE


class OutputShiftLayer(nn.Module, BaseTunerLayer):  # type: ignore[misc] # peft is not typed
    """Adds a learned vector to a layer's output."""

    adapter_layer_names = ("output_shift_vector",)
    output_shift_vector: nn.ParameterDict

    def __init__(self, base_layer: nn.Linear, adapter_name: str, start: float) -> None:
        super().__init__()
        self.base_layer = base_layer
        self._active_adapter = adapter_name
        self.merged_adapters: list[str] = []
        vector = torch.full((base_layer.out_features,), start)
        self.output_shift_vector = nn.ParameterDict({adapter_name: nn.Parameter(vector)})

    def forward(self, inputs: Tensor) -> Tensor:
        (adapter,) = self.output_shift_vector
        shifted: Tensor = self.base_layer(inputs) + self.output_shift_vector[adapter]
        return shifted


class OutputShiftModel(BaseTuner):  # type: ignore[misc] # peft is not typed
    """Puts the layers in."""

    prefix = "output_shift_"
    tuner_layer_cls = OutputShiftLayer
    target_module_mapping = {"llama": ["v_proj"]}

    def _create_and_replace(
        self, config: Any, adapter_name: str, target: Any, target_name: str, parent: Any, **others: Any
    ) -> None:
        self._replace_module(parent, target_name, OutputShiftLayer(target, adapter_name, config.start), target)


@pytest.fixture
def later_peft(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a type as a later peft would, and list it where peft lists its types."""
    monkeypatch.setitem(PEFT_TYPE_TO_CONFIG_MAPPING, NEW_TYPE, OutputShiftConfig)
    monkeypatch.setitem(PEFT_TYPE_TO_TUNER_MAPPING, NEW_TYPE, OutputShiftModel)
    monkeypatch.setitem(PEFT_TYPE_TO_PREFIX_MAPPING, NEW_TYPE, "output_shift_")
    monkeypatch.setattr("peft.peft_model.PEFT_TYPE_TO_TUNER_MAPPING", PEFT_TYPE_TO_TUNER_MAPPING)
    types = (*registry.peft_types(), NEW_TYPE)
    monkeypatch.setattr(registry, "peft_types", lambda: types)


@pytest.mark.usefixtures("later_peft")
def test_it_is_listed_without_a_prior_and_asks_for_a_rate(tmp_path: Path) -> None:
    (card,) = (card for card in method_cards() if card.peft_type == NEW_TYPE)
    assert card.name == "output-shift"
    assert card.family == "peft, no preset"
    assert prior_learning_rate(resolve(MethodEntry(name="output-shift"))) is None
    study = small_study(tmp_path, "output-shift").model_copy(update={"learning_rates": ()})
    with pytest.raises(InputError, match='"output-shift" has no default learning rate'):
        run_one(study, tmp_path / "adapter")


@pytest.mark.usefixtures("later_peft")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_it_trains_and_answers_with_parameters_of_its_own(tmp_path: Path) -> None:
    method = {"name": "output-shift", "parameters": {"start": 0.5}}
    _, record = run_one(small_study(tmp_path, method, steps=16), tmp_path / "adapter")
    assert record.outcome.kind == "ok", record.outcome
    assert record.metrics["trainable_parameters"] == 2 * 32
    assert sum(record.train_losses[-4:]) < sum(record.train_losses[:4])
    with pytest.raises(InputError, match='no parameter "begin"'):
        run_one(small_study(tmp_path, {"name": "output-shift", "parameters": {"begin": 0.5}}), tmp_path / "other")
