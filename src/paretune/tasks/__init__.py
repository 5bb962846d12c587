"""What models are trained on and asked."""

from paretune.tasks.base import Example, Score, Split, Task
from paretune.tasks.registry import get_task, task_cards, task_names

__all__ = ["Example", "Score", "Split", "Task", "get_task", "task_cards", "task_names"]
