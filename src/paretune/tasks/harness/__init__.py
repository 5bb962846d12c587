"""Tasks of lm-evaluation-harness (Gao et al.; the package lm-eval) as test sets."""

from paretune.tasks.harness.task import PREFIX, LmEvalTask, lm_eval_task

__all__ = ["PREFIX", "LmEvalTask", "lm_eval_task"]
