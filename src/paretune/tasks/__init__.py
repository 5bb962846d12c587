"""What models are trained on and asked."""

from paretune.tasks.asking import Answer, CorpusMetric, Loss, Respondent
from paretune.tasks.base import AnyTask, Example, Message, Score, Split, Task
from paretune.tasks.classification import ClassificationTask, LabelledExample
from paretune.tasks.general_text import fixed_general_text, read_general_text
from paretune.tasks.label_scoring import HeadAnswer, Label
from paretune.tasks.pictures import ImageTask, PictureExample, open_picture
from paretune.tasks.registry import (
    get_any_task,
    get_task,
    task_cards,
    task_class,
    task_names,
    task_of,
    task_versions,
)
from paretune.tasks.skills import SkillQuestions, named_skill, skill_names, skill_of

__all__ = [
    "Answer",
    "AnyTask",
    "ClassificationTask",
    "CorpusMetric",
    "Example",
    "HeadAnswer",
    "ImageTask",
    "Label",
    "LabelledExample",
    "Loss",
    "Message",
    "PictureExample",
    "Respondent",
    "Score",
    "SkillQuestions",
    "Split",
    "Task",
    "fixed_general_text",
    "get_any_task",
    "get_task",
    "named_skill",
    "open_picture",
    "read_general_text",
    "skill_names",
    "skill_of",
    "task_cards",
    "task_class",
    "task_names",
    "task_of",
    "task_versions",
]
