import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.utils.peft_types import PeftType

from paretune.methods import build, check_method, method_cards, prior_learning_rate, resolve
from paretune.methods.registry import peft_types
from paretune.models import load_model
from paretune.spec import InputError, MethodEntry


def checked(modules: list[str], name: str, **parameters: Any) -> None:
    check_method(resolve(MethodEntry(name=name, parameters=parameters)), modules)


def test_every_type_of_the_installed_peft_can_be_named() -> None:
    assert set(peft_types()) == {str(peft_type.value) for peft_type in PeftType}
    for peft_type in PEFT_TYPE_TO_CONFIG_MAPPING:
        spec = resolve(MethodEntry(name=str(peft_type.value).lower()))
        assert spec.peft_type == peft_type.value
    shown = {card.peft_type for card in method_cards()}
    assert set(peft_types()) <= shown


def test_a_type_without_preset_has_no_prior_rate_and_takes_any_parameter(toy_modules: list[str]) -> None:
    spec = resolve(MethodEntry(name="psoft", parameters={"target_modules": ["q_proj"], "r": 4}))
    assert spec.implementation == "peft"
    assert prior_learning_rate(spec) is None
    check_method(spec, toy_modules)


def test_parameters_of_the_entry_win_over_the_preset() -> None:
    spec = resolve(MethodEntry(name="lora", label="LoRA r=64", parameters={"r": 64}))
    assert spec.parameters["r"] == 64
    assert spec.parameters["target_modules"] == "all-linear"
    assert spec.label == "LoRA r=64"
    assert resolve(MethodEntry(name="lora", parameters={"init_lora_weights": "pissa"})).implementation == "mutated-base"


@pytest.mark.parametrize(
    ("name", "parameters", "line"),
    [
        ("lora", {"rank": 8}, 'LORA has no parameter "rank"'),
        ("lora", {"lora_alpa": 8}, 'did you mean "lora_alpha"'),
        ("lora", {"r": "eight"}, "parameter \"r\" = 'eight'"),
        ("adalora", {"orth_reg_weight": -1}, "peft refuses its parameters"),
        ("lora", {"target_modules": ["q_porj"]}, 'no module "q_porj" .did you mean "q_proj"'),
        ("lora", {"target_modules": ["q_proj", "wq"]}, 'no module "wq"'),
        ("lora", {"target_modules": r".*\.nothing"}, "matches no module"),
        ("lora", {"target_modules": "(("}, "not a regular expression"),
        ("pissa", {"use_dora": True}, "use_dora does not go with"),
        ("lora-plus", {"loraplus_lr_ratio": "x"}, 'parameter "loraplus_lr_ratio" must be a number'),
        ("base", {"shots": -1}, 'parameter "shots" must be a number'),
        ("full", {"r": 4}, 'unknown parameter "r"'),
    ],
)
def test_wrong_parameters_get_one_clear_line(
    name: str, parameters: dict[str, Any], line: str, toy_modules: list[str]
) -> None:
    with pytest.raises(InputError, match=line) as caught:
        checked(toy_modules, name, **parameters)
    assert "\n" not in str(caught.value)


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r'unknown method "lorra" \(did you mean "lora"'):
        resolve(MethodEntry(name="lorra"))


@pytest.mark.parametrize("case", ["absent", "empty", "truncated", "pickled", "foreign"])
def test_an_unreadable_checkpoint_names_its_folder(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    method = build(resolve(MethodEntry(name="lora")))
    if case != "absent":
        folder.mkdir()
    if case in {"truncated", "pickled", "foreign"}:
        (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "target_modules": ["q_proj"], "r": 4}')
    if case == "truncated":
        (folder / "adapter_model.safetensors").write_bytes(b"\x10\x00\x00")
    if case == "pickled":
        (folder / "adapter_model.bin").write_bytes(b"cos\nsystem")
    if case == "foreign":
        import torch
        from safetensors.torch import save_file

        save_file({"something.else": torch.zeros(3)}, folder / "adapter_model.safetensors")
    with pytest.raises(InputError, match=str(folder)) as caught:
        method.load(load_model("toy:llama").model, folder)
    assert "\n" not in str(caught.value)


def test_names_and_cards_need_neither_torch_nor_peft() -> None:
    probe = (
        "import sys; from paretune.methods import method_cards, resolve, prior_learning_rate\n"
        "from paretune.spec import MethodEntry\n"
        "method_cards(); prior_learning_rate(resolve(MethodEntry(name='lora')))\n"
        "sys.exit(', '.join(sorted({'torch', 'peft', 'transformers'} & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
