"""How answers to a person's own data are scored: what `--metric` chooses from."""

from paretune.tasks.metrics.base import AnswerMetric, ModelMetric, TextMetric
from paretune.tasks.metrics.registry import chosen_metrics, metric_names

__all__ = ["AnswerMetric", "ModelMetric", "TextMetric", "chosen_metrics", "metric_names"]
