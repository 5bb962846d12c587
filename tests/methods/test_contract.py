"""Every implementation of ours keeps the contract that a plug-in's author inherits."""

import pytest

from paretune.methods import resolve
from paretune.methods.registry import IMPLEMENTATIONS
from paretune.spec import MethodEntry
from paretune.testing import MethodContract

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::RuntimeWarning")


class TestFull(MethodContract):
    method = "full"
    learning_rate = 1e-3


class TestPeft(MethodContract):
    method = "lora"


class TestAdaLora(MethodContract):
    method = "adalora"
    may_rest = ("lora_E",)  # zeroed again where ranks have been taken away


class TestAdaMss(MethodContract):
    method = "adamss"
    parameters = {"use_asa": True, "asa_target_subspaces": 20}


class TestAdaptionPrompt(MethodContract):
    method = "adaption-prompt"


class TestALora(MethodContract):
    method = "alora"
    parameters = {"alora_invocation_tokens": [5]}  # a token of the probe


class TestBeft(MethodContract):
    method = "beft"
    learning_rate = 1e-1


class TestCorda(MethodContract):
    method = "corda"


class TestCpt(MethodContract):
    method = "cpt"


class TestEva(MethodContract):
    method = "eva"


class TestIa3(MethodContract):
    method = "ia3"
    learning_rate = 5e-2


class TestKasa(MethodContract):
    method = "kasa"


class TestLnTuning(MethodContract):
    method = "ln-tuning"
    learning_rate = 5e-2


class TestLoraFa(MethodContract):
    method = "lora-fa"


class TestLoraGa(MethodContract):
    method = "lora-ga"


class TestLoraPlus(MethodContract):
    method = "lora-plus"
    learning_rate = 1e-3


class TestLoraRiemannian(MethodContract):
    method = "lora-riemannian"


class TestMonteCLora(MethodContract):
    method = "monteclora"


class TestMultitaskPromptTuning(MethodContract):
    method = "multitask-prompt-tuning"
    learning_rate = 5e-2


class TestMutatedBase(MethodContract):
    method = "pissa"


class TestPoly(MethodContract):
    method = "poly"


class TestPrefix(MethodContract):
    method = "prefix-tuning"
    parameters = {"num_virtual_tokens": 4, "start_text": "Sums, one after another."}


class TestShadow(MethodContract):
    method = "shadow"
    may_rest = ("layers.1.shadow_update",)  # nothing comes after the last layer


class TestTrainableTokens(MethodContract):
    method = "trainable-tokens"


class TestXLora(MethodContract):
    method = "xlora"


def test_no_implementation_is_left_out() -> None:
    tested = {resolve(MethodEntry(name=contract.method)).implementation for contract in MethodContract.__subclasses__()}
    other = {"base", "tfidf", "head"}  # no training, no base model, and a head, which a language model does not have
    assert set(IMPLEMENTATIONS) - other <= tested
