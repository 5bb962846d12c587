"""What the records are too few to support."""

from collections.abc import Sequence

from paretune.analysis.rows import Row
from paretune.spec import StudyPlan


def support_note(rows: Sequence[Row], plan: StudyPlan | None = None) -> str | None:
    """Return the sentence that a comparison of these rows must carry, or None where it needs none.

    Rates and seeds are counted for each trained method of each task; what the least covered one lacks is named. The
    rates that the plan of a tuned study lets a method try count too.
    """
    tried: dict[tuple[str | None, str], set[float | None]] = {
        (search.task, search.method): {one.learning_rate for one in search.candidates}
        for search in (plan.searches if plan else ())
    }
    rates: dict[tuple[str, str], set[float | None]] = {}
    seeds: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row.records[0].trial.method.trains:
            of_method = rates.setdefault((row.task, row.method), set())
            of_method |= {row.learning_rate, *tried.get((row.records[0].trial.task.content_hash, row.method), ())}
            seeds.setdefault((row.task, row.method), set()).update(row.seeds)
    lacking = [
        (name, all(len(values) == 1 for values in counted.values()))
        for name, counted in (("learning rate", rates), ("seed", seeds))
        if any(len(values) == 1 for values in counted.values())
    ]
    if not lacking:
        return None
    whole = all(everywhere for _, everywhere in lacking)
    things = " and one ".join(name for name, _ in lacking)
    scope = "per method" if whole else "for some methods"
    return (
        f"One {things} {scope}: these figures describe these runs and support no claim that one method is better "
        "than another."
    )
