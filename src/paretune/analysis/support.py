"""What the records are too few to support."""

from collections.abc import Sequence

from paretune.analysis.rows import Row


def support_note(rows: Sequence[Row]) -> str | None:
    """Return the sentence that a comparison of these rows must carry, or None where it needs none.

    Rates and seeds are counted for each trained method of each task; what the least covered one lacks is named.
    """
    rates: dict[tuple[str, str], set[float | None]] = {}
    seeds: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        if row.records[0].trial.method.trains:
            rates.setdefault((row.task, row.method), set()).add(row.learning_rate)
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
