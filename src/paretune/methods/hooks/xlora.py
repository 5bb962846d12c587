"""X-LoRA (arXiv 2402.07148): a mixture of LoRA adapters, weighted anew for every token by a small classifier.

X-LoRA needs experts. The study names trained ones in `adapters` (a name and a folder each), which stay as they are; or
fresh ones are made here and trained together with the classifier. peft does not save experts: it looks for them where
they once were. So they are kept in the checkpoint, each in a folder of its own, as plain LoRA.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from peft import LoraConfig, XLoraConfig, get_peft_model
from pydantic import PositiveInt
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from paretune.methods.base import Context
from paretune.methods.checkpoint import attaching, reading, require_safetensors, tidy_adapter_config
from paretune.methods.peft import Peft, active_config
from paretune.spec import CAUSAL_LM, InputError, MethodSpec

NUM_EXPERTS = 4
EXPERT_RANK = 8
_EXPERTS, _WEIGHTS, _CONFIG = "experts", "adapter_model.safetensors", "adapter_config.json"
_CLASSIFIER = "internal_xlora_classifier."


class XLora(Peft):
    """Mixes `num_experts` fresh experts of rank `expert_rank`, or the trained ones that `adapters` names."""

    own_parameters: ClassVar[Mapping[str, Any]] = {"num_experts": PositiveInt, "expert_rank": PositiveInt}

    def __init__(self, spec: MethodSpec) -> None:
        super().__init__(spec)
        self._experts: list[Path] = []

    @property
    def pools_answers(self) -> bool:
        """No: it reads the whole text for every token, without a cache."""
        return False

    def wrap(self, model: nn.Module, context: Context) -> nn.Module:
        """Return the model with experts and classifier attached. Raises `InputError` for other than language models."""
        if context.model_kind != CAUSAL_LM:
            raise InputError(f'method "{self.spec.label}": X-LoRA goes on causal language models only')
        with tempfile.TemporaryDirectory() as folder:
            given = self.spec.parameters.get("adapters")
            if given:
                self._experts = [Path(place) for place in given.values()]
            else:
                model, self._experts = self._with_fresh_experts(model, Path(folder))
            return super().wrap(_without_cache(model), context)

    def base_parameters(self, model: nn.Module, context: Context) -> dict[str, Any]:  # noqa: ARG002
        """Return the experts' folders, and the width that the classifier reads."""
        config: Any = model.config
        fresh = not self.spec.parameters.get("adapters")
        return {
            "adapters": {str(index): str(folder) for index, folder in enumerate(self._experts)},
            "hidden_size": config.hidden_size,
            "use_trainable_adapters": self.spec.parameters.get("use_trainable_adapters", fresh),
        }

    def _with_fresh_experts(self, model: nn.Module, folder: Path) -> tuple[nn.Module, list[Path]]:
        """Write untrained experts into folders, and return the model as it was, and the folders."""
        rank = self.spec.parameters.get("expert_rank", EXPERT_RANK)
        folders = [folder / str(index) for index in range(self.spec.parameters.get("num_experts", NUM_EXPERTS))]
        for place in folders:
            with attaching():
                expert: Any = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=2 * rank))
            expert.save_pretrained(str(place), save_embedding_layers=False)
            model = expert.unload()
        return model, folders

    def save(self, model: nn.Module, folder: Path) -> None:
        """Write classifier and experts, and a config that finds the experts inside the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        tuner: Any = model.base_model
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in tuner.state_dict().items()}
        save_file(_starting_with(_CLASSIFIER, state), folder / _WEIGHTS)
        for name in active_config(model).adapters:
            place = folder / _EXPERTS / name
            place.mkdir(parents=True, exist_ok=True)
            save_file(_expert_weights(name, state), place / _WEIGHTS)
            tuner.lora_model.peft_config[name].save_pretrained(str(place))
            tidy_adapter_config(place)
        active_config(model).save_pretrained(str(folder))
        _change_config(folder, {"adapters": {name: f"{_EXPERTS}/{name}" for name in active_config(model).adapters}})
        tidy_adapter_config(folder)

    def load(self, model: nn.Module, folder: Path) -> nn.Module:
        """Return the base model with experts and classifier attached, in eval mode, nothing trainable."""
        require_safetensors(folder, _CONFIG, _WEIGHTS)
        with reading(folder), attaching():
            config = XLoraConfig.from_pretrained(str(folder))
            config.adapters = {name: str(_inside(folder, place)) for name, place in config.adapters.items()}
            loaded: Any = get_peft_model(_without_cache(model), config)
            weights = _starting_with(_CLASSIFIER, load_file(folder / _WEIGHTS))
            classifier: nn.Module = loaded.base_model.internal_xlora_classifier
            classifier.load_state_dict({name.removeprefix(_CLASSIFIER): value for name, value in weights.items()})
        module: nn.Module = loaded
        return module.requires_grad_(False).eval()


def _without_cache(model: nn.Module) -> nn.Module:
    """Return the model told to keep no keys and values: the classifier reads the whole text at every token."""
    config: Any = model.config
    config.use_cache = False
    return model


def _starting_with(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if name.startswith(prefix)}


def _expert_weights(expert: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return one expert's matrices under the names of a plain LoRA adapter."""
    ending = f".{expert}.weight"
    return {
        f"base_model.model.{name.removeprefix('lora_model.model.').removesuffix(ending)}.weight": tensor
        for name, tensor in state.items()
        if ".lora_" in name and name.endswith(ending)
    }


def _inside(folder: Path, place: str) -> Path:
    """Return an expert's folder. Raises `ValueError` for one outside the checkpoint."""
    found = (folder / place).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise ValueError(f"its expert {place} lies outside the folder")
    require_safetensors(found, _CONFIG, _WEIGHTS)
    return found


def _change_config(folder: Path, changes: Mapping[str, Any]) -> None:
    file = folder / _CONFIG
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, **changes}), encoding="utf-8")
