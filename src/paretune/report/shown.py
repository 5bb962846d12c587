"""What `print` and notebooks show of results: the table and the sentences of the command, as text and as HTML."""

from collections.abc import Sequence
from functools import singledispatch
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.text import Text

from paretune.analysis.decisions.claim import Judgement
from paretune.analysis.decisions.comparison import Comparison
from paretune.analysis.decisions.recommendation import Recommendation
from paretune.report.console.terminal import results_summary
from paretune.report.decisions import claim_lines, comparison_lines, recommendation_lines
from paretune.report.estimates import estimate_line, estimates_summary
from paretune.report.format import plain, rate, show
from paretune.report.wording import outcome_text
from paretune.spec import Record, Study
from paretune.spec.memory import Estimates, MemoryEstimate
from paretune.store import Records, Store, planned_of, read_plan

if TYPE_CHECKING:
    from paretune.spec.shown import Shown

_WIDTH = 160
_HTML = '<pre style="white-space: pre-wrap; line-height: 1.3">{code}</pre>'


def text_of(shown: "Shown") -> str:
    """Return what the command prints about an object, without colours."""
    return "\n".join(line.rstrip() for line in _printed(shown).export_text().splitlines()).strip("\n")


def html_of(shown: "Shown") -> str:
    """Return the same as an HTML fragment; text from data is escaped."""
    return _printed(shown).export_html(inline_styles=True, code_format=_HTML)


def _printed(shown: "Shown") -> Console:
    console = Console(file=StringIO(), record=True, width=_WIDTH, color_system="truecolor", force_jupyter=False)
    console.print(_summary(shown), soft_wrap=True)
    return console


@singledispatch
def _summary(shown: object) -> RenderableType:
    """Return what is shown of an object."""
    return Text(repr(shown))


@_summary.register
def _(shown: Comparison) -> RenderableType:
    return _text(comparison_lines(shown))


@_summary.register
def _(shown: Recommendation) -> RenderableType:
    return _text(recommendation_lines(shown))


@_summary.register
def _(shown: Judgement) -> RenderableType:
    return _text(claim_lines(shown))


@_summary.register
def _(shown: MemoryEstimate) -> RenderableType:
    return Text(estimate_line(shown))


@_summary.register
def _(shown: Estimates) -> RenderableType:
    return estimates_summary(shown)


@_summary.register
def _(shown: Record) -> RenderableType:
    trial = shown.trial
    head = f"{trial.method.label} on {trial.task.name}, {trial.split} split, learning rate {rate(trial.learning_rate)}"
    lines = [f"{head}, seed {trial.seed}: {outcome_text(shown.outcome)}"]
    scored = {metric.name: metric for metric in trial.task.scored(shown.metrics)}
    known = {**scored, **trial.task.table}
    lines += [
        f"{metric.label}: {show(metric, shown.metrics[name])}"
        for name, metric in known.items()
        if name in shown.metrics
    ]
    return _text([*lines, *shown.notes])


@_summary.register
def _(shown: Records) -> RenderableType:
    plan = read_plan(shown.folder)
    return results_summary(planned_of(shown, plan), Store(shown.folder).scores, plan)


@_summary.register
def _(shown: Study) -> RenderableType:
    tuning = shown.tuning
    facts = {
        "Base model": shown.base_model,
        "Tasks": ", ".join(entry.name for entry in shown.tasks),
        "Methods": ", ".join(entry.row_label for entry in shown.methods),
        "Learning rates": ", ".join(map(str, shown.learning_rates)) or "each method's own",
        "Seeds": ", ".join(map(str, shown.seeds)),
        "Recipe": ", ".join(f"{name} = {value}" for name, value in shown.recipe.model_dump(exclude_unset=True).items()),
    }
    if tuning is not None:
        facts["Learning rates"] = f"{tuning.rates} for every method, chosen by {tuning.choose_by.replace('_', ' ')}"
    return _text([f"Study {shown.name}", *(f"{name}: {fact}" for name, fact in facts.items() if fact)])


def _text(lines: Sequence[str]) -> Group:
    return Group(*(Text(plain(line)) for line in lines))
