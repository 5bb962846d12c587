"""For those who write a method: a contract test to inherit, and a training small enough for tests.

A method's own tests need nothing but this:

    from paretune.testing import MethodContract

    class TestMine(MethodContract):
        method = "my-method"
"""

from paretune.testing.method_contract import MethodContract
from paretune.testing.toy_training import ToyTraining, toy_logits

__all__ = ["MethodContract", "ToyTraining", "toy_logits"]
