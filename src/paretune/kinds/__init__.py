"""Kinds of base model, a module each: loading, data, loss, answers, what audits and estimates put through them."""

from paretune.kinds.base import (
    Asked,
    BatchSize,
    Evaluation,
    Kind,
    Lengths,
    LongText,
    OnProgress,
    ReadTexts,
    TrainingData,
    Workload,
    keep_answer_peak,
)
from paretune.kinds.registry import PLUGIN_GROUP, kind_named, kind_of, kind_of_shape, kind_on, kinds
from paretune.kinds.skeleton import Positions, module_names, modules_of, outline_of, skeleton, without_initial_values
from paretune.models import on_device

__all__ = [
    "PLUGIN_GROUP",
    "Asked",
    "BatchSize",
    "Evaluation",
    "Kind",
    "Lengths",
    "LongText",
    "OnProgress",
    "Positions",
    "ReadTexts",
    "TrainingData",
    "Workload",
    "keep_answer_peak",
    "kind_named",
    "kind_of",
    "kind_of_shape",
    "kind_on",
    "kinds",
    "module_names",
    "modules_of",
    "on_device",
    "outline_of",
    "skeleton",
    "without_initial_values",
]
