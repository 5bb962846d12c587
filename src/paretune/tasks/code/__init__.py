"""Programs as answers: what runs them apart from everything else, and what judges them."""

from paretune.tasks.code.judge import Verdict, judge_calls, judge_check
from paretune.tasks.code.sandbox import USUAL_LIMITS, Limits, Sandbox, find_sandbox

__all__ = ["USUAL_LIMITS", "Limits", "Sandbox", "Verdict", "find_sandbox", "judge_calls", "judge_check"]
