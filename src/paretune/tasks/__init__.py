"""What models are trained on and asked."""

from paretune.tasks.base import Example, Score, Split, Task
from paretune.tasks.general_text import fixed_general_text, read_general_text
from paretune.tasks.registry import get_task, task_cards, task_names

__all__ = [
    "Example",
    "Score",
    "Split",
    "Task",
    "fixed_general_text",
    "get_task",
    "read_general_text",
    "task_cards",
    "task_names",
]
