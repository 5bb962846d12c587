"""For those who write a method, a task, a kind of model or an executor: contract tests, and a training for tests.

A method's own tests, or a task's, need nothing but this:

    from paretune.testing import MethodContract, TaskContract

    class TestMyMethod(MethodContract):
        method = "my-method"

    class TestMyTask(TaskContract):
        task = "my-task"
"""

from paretune.testing.executor_contract import End, ExecutorContract
from paretune.testing.kind_contract import KindContract
from paretune.testing.labelled_task_contract import LabelledTaskContract
from paretune.testing.method_contract import MethodContract
from paretune.testing.metric_contract import MetricContract
from paretune.testing.task_contract import TaskContract
from paretune.testing.toy_training import ToyTraining, toy_logits

__all__ = [
    "End",
    "ExecutorContract",
    "KindContract",
    "LabelledTaskContract",
    "MethodContract",
    "MetricContract",
    "TaskContract",
    "ToyTraining",
    "toy_logits",
]
