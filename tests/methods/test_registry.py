import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.utils.peft_types import PeftType

from paretune.methods import build, check_method, method_cards, resolve
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


def test_parameters_of_the_entry_win_over_the_preset() -> None:
    spec = resolve(MethodEntry(name="lora", label="LoRA r=64", parameters={"r": 64}))
    assert spec.parameters["r"] == 64
    assert spec.parameters["target_modules"] == "all-linear"
    assert spec.label == "LoRA r=64"


@pytest.mark.parametrize(
    ("parameters", "implementation"),
    [
        ({"init_lora_weights": True}, "peft"),
        ({"init_lora_weights": "pissa_niter_4"}, "mutated-base"),
        ({"init_lora_weights": "eva"}, "eva"),
        ({"kasa_config": {"beta": 1e-3}}, "kasa"),
        ({"alora_invocation_tokens": [1, 2]}, "alora"),
    ],
)
def test_options_of_lora_that_need_a_hook_get_it(parameters: dict[str, Any], implementation: str) -> None:
    assert resolve(MethodEntry(name="lora", parameters=parameters)).implementation == implementation


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
        (
            "lora-plus",
            {"loraplus_lr_ratio": "x"},
            "= 'x': Input should be a valid number",
        ),
        ("base", {"shots": -1}, 'parameter "shots" = -1: Input should be greater than or equal to 0'),
        ("base", {"shots": True}, 'parameter "shots" = True: Input should be a valid integer'),
        ("eva", {"start_batches": 0}, 'parameter "start_batches" = 0: Input should be greater than 0'),
        ("lora", {"init_lora_weights": "pisa"}, "parameter \"init_lora_weights\" = 'pisa'"),
        ("lora", {"kasa_config": {"bta": 1}}, 'kasa_config has no key "bta" .did you mean "beta"'),
        ("lora-fa", {"init_lora_weights": "pissa"}, 'lora-fa and init_lora_weights = "pissa" cannot be combined'),
        ("pissa", {"kasa_config": {}}, 'kasa_config and init_lora_weights = "pissa" cannot be combined'),
        ("lora", {"arrow_config": {"top_k": 2}}, "arrow_config cannot be used: Arrow combines adapters"),
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
