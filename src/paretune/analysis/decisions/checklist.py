"""What the protocol asks of a claim, looked up in the records."""

from collections.abc import Iterable, Sequence
from typing import Literal

from paretune.analysis.decisions.protocol import departures, protocol_conflicts
from paretune.analysis.decisions.requirements import Capabilities
from paretune.analysis.table.comparable import same_conditions
from paretune.analysis.table.rows import Row
from paretune.analysis.table.selection import View
from paretune.spec import METRICS
from paretune.spec.base import Data

FEWEST_SEEDS = 5
AUDIT = "audited"
"""The capability under which a method's audit stands: True where it passed."""

_OBSTACLES = {
    "tuning": "the learning rates were not tuned with the same budget",
    "seeds": f"there are fewer than {FEWEST_SEEDS} seeds (the minimum)",
    "test set": "the test set was not used just once",
    "environment": "the runs were recorded under different settings",
    "audit": "not every method has passed an audit",
    "cost": "the cost is not as claimed",
}


_NO_CLAIM = (
    "These results describe these runs and support no claim that one fine-tuning method is better than another: {}."
)
_SOME_CLAIMS = (
    "Not every difference supports a claim that one method is better than another: {}. "
    "`paretune compare` shows which two methods support a claim."
)


class Check(Data):
    """One point of the protocol."""

    point: Literal["tuning", "seeds", "test set", "environment", "audit", "cost"]
    passed: bool | None
    """None where the records do not say."""
    finding: str
    """What was found, a clause."""


def checklist(view: View, pair: Sequence[Row], known: Capabilities) -> list[Check]:
    """Return the checks of a claim about two rows of a view, or about several. What holds of several holds of each."""
    return [
        _tuning(view, pair),
        _seeds(view, pair),
        _test_set(view, pair),
        _environment(view.only(pair)),
        _audit(view, pair, known),
    ]


def _tuning(view: View, pair: Sequence[Row]) -> Check:
    """Compare how many settings of each method were tried on the validation split of the same data."""
    trained = [row for row in pair if row.records[0].trial.method.trains]
    tried = {view.name_of(row): row.num_tried for row in trained}
    counts = " and ".join(f"{count} of {name}" for name, count in tried.items()) + _untrained(view, pair)
    if not tried:
        return Check(point="tuning", passed=True, finding="neither trains the base model")
    if min(tried.values()) < 2:
        return Check(point="tuning", passed=False, finding=f"not tuned on validation data: settings tried: {counts}")
    equal = len(set(tried.values())) == 1
    return Check(point="tuning", passed=equal, finding=f"settings tried on validation data: {counts}")


def _untrained(view: View, pair: Sequence[Row]) -> str:
    """Return which rows train no base model, so that this point asks nothing of them; empty where all do."""
    names = [view.name_of(row) for row in pair if not row.trains]
    return f" ({' and '.join(names)}: does not apply, trains no base model)" if names else ""


def _seeds(view: View, pair: Sequence[Row]) -> Check:
    counts = {view.name_of(row): row.num_ok for row in pair if row.records[0].trial.method.trains}
    finding = " and ".join(f"{count} of {name}" for name, count in counts.items()) or "neither trains the base model"
    finding += _untrained(view, pair) if counts else ""
    enough = all(count >= FEWEST_SEEDS for count in counts.values())
    return Check(point="seeds", passed=enough, finding=f"{finding}; a claim needs {FEWEST_SEEDS}")


def _test_set(view: View, pair: Sequence[Row]) -> Check:
    """Look for more than one setting of a method that answered the test questions, or a trial that did so again."""
    if view.split != "test":
        return Check(point="test set", passed=False, finding="these are answers on validation data")
    several = sorted({row.method for row in pair if view.num_settings[row.method] > 1})
    if several:
        return Check(
            point="test set", passed=False, finding=f"several settings of {' and of '.join(several)} answered it"
        )
    again = sorted({view.name_of(row) for row in pair for record in row.records if record.attempt > 1})
    if again:
        return Check(point="test set", passed=None, finding=f"a trial of {' and of '.join(again)} was run again")
    return Check(point="test set", passed=True, finding="one setting of each method answered it, once with each seed")


def _environment(pair: View) -> Check:
    conflicts = [*protocol_conflicts(pair, [pair.main_metric.name]), *departures(pair)]
    finding = "; ".join(conflicts) or "same base model, recipe, device and package versions"
    return Check(point="environment", passed=not conflicts, finding=finding)


def _audit(view: View, pair: Sequence[Row], known: Capabilities) -> Check:
    verdicts = {view.name_of(row): known.get(row.method, {}).get(AUDIT) for row in pair}
    failed = [name for name, verdict in verdicts.items() if verdict is False]
    unknown = [name for name, verdict in verdicts.items() if verdict is None]
    if failed:
        return Check(point="audit", passed=False, finding=f"{' and '.join(failed)} failed the audit")
    if unknown:
        return Check(point="audit", passed=None, finding=f"no audit of {' and of '.join(unknown)} is recorded")
    return Check(point="audit", passed=True, finding="no failed check that affects the results")


def cost_check(view: View, pair: Sequence[Row], cost: str, share: float) -> Check:
    """Return whether the first of two rows needs at most `share` of the cost that the second needs, by their means."""
    label = METRICS[cost].words
    first, second = (row.metrics.get(cost) for row in pair)
    if first is None or second is None or second <= 0:
        return Check(
            point="cost", passed=None, finding=f"{label} cannot be compared: a value is missing or not above 0"
        )
    if not same_conditions([record for row in pair for record in row.records], cost):
        return Check(point="cost", passed=None, finding=f"{label} was measured under different conditions")
    finding = f"{view.name_of(pair[0])} needs {first / second:.0%} of the {label}, claimed are at most {share:.0%}"
    return Check(point="cost", passed=first <= share * second, finding=finding)


def obstacles(checks: Sequence[Check]) -> str:
    """Return why no claim can be made, as clauses; empty where every check passed."""
    return _joined(_OBSTACLES[check.point] for check in checks if check.passed is not True)


def support_notes(rows: Sequence[Row], known: Capabilities) -> list[str]:
    """Return what stands in the way of claims about these rows, a sentence for each task and split; none where nothing.

    Where no trained row meets the protocol by itself, none can be claimed to be better, and the sentence says so.
    """
    notes: dict[str, None] = {}
    for key in dict.fromkeys((row.task, row.split) for row in rows):
        view = View(*key, tuple(row for row in rows if (row.task, row.split) == key))
        ended = [row for row in view.rows if row.outcome.kind == "ok"]
        reasons = obstacles(checklist(view, ended, known)) if len(ended) > 1 else ""
        if reasons:
            trained = [row for row in ended if row.records[0].trial.method.trains]
            some = any(not obstacles(checklist(view, [row], known)) for row in trained)
            notes[(_SOME_CLAIMS if some else _NO_CLAIM).format(reasons)] = None
    return list(notes)


def _joined(clauses: Iterable[str]) -> str:
    """Return clauses with commas between them and "and" before the last."""
    *first, last = [*clauses] or [""]
    return f"{', '.join(first)} and {last}" if first else last
