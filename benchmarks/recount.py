"""Accuracy, front and ties of a folder of records, counted again without Paretune, and compared with what it says.

    python benchmarks/recount.py docs/examples/classification-minilm

Reads records and items with json and pandas alone. Every pair of methods is taken by itself, by the formulas that the
guide names, with scipy's distributions: a second way to the same numbers. Exits with 1 where they differ.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

FloatArray = NDArray[np.float64]
Scores = Mapping[str, pd.DataFrame]
"""Of each method: right (1) or wrong (0), a row for each seed, a column for each item."""
SIGNIFICANCE = 0.05
MEMORY = "train_peak_bytes"
UNTRAINED = {"base", "tfidf"}


def read(folder: Path) -> tuple[list[dict[str, Any]], Scores, pd.Series]:
    """Return the records of the final trials, the scores of each method, and the cluster of each item."""
    finals = [json.loads(path.read_text()) for path in sorted((folder / "records").glob("*.json"))]
    finals = [one for one in finals if one["trial"].get("split", "test") == "test" and one["outcome"]["kind"] == "ok"]
    rows = []
    for record in finals:
        items = pd.read_parquet(folder / "items" / f"{record['trial_id']}-{record['attempt']}.parquet")
        right = [dict(one)["accuracy"] for one in items["scores"]]
        rows.append(
            pd.DataFrame(
                {
                    "method": record["trial"]["method"]["label"],
                    "seed": record["trial"]["seed"],
                    "item": items["item_id"],
                    "right": right,
                    "cluster": items["cluster"].fillna(items["item_id"]),
                }
            )
        )
    every = pd.concat(rows)
    scores = {
        str(name): part.pivot_table(index="seed", columns="item", values="right").sort_index(axis=1)
        for name, part in every.groupby("method")
    }
    clusters = every.drop_duplicates("item").set_index("item")["cluster"].sort_index()
    return finals, scores, clusters


def cluster_sums(values: FloatArray, clusters: pd.Series) -> FloatArray:
    """Return what each cluster adds to the error of the mean, with the factor that takes away its bias."""
    n = len(values)
    found = pd.Series(values - values.mean()).groupby(clusters.to_numpy()).sum().to_numpy() / n
    shares = clusters.value_counts().to_numpy() / n
    squares, cubes = (shares**2).sum(), (shares**3).sum()
    unbiased: FloatArray = found * np.sqrt(squares / (squares * (1 + squares) - 2 * cubes))
    return unbiased


def seed_variances(scores: Scores, clusters: pd.Series, untrained: set[str]) -> dict[str, tuple[float, float, float]]:
    """Return for each method the variance between seeds after Smyth (2004), its freedom, and the residual's part."""
    raw = {}
    for name, one in scores.items():
        if name in untrained or len(one) == 1:
            continue
        values = one.to_numpy()
        left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
        residual = sum((cluster_sums(row, clusters) ** 2).sum() for row in left) / (len(one) - 1)
        raw[name] = (values.mean(axis=1).var(ddof=1), len(one) - 1.0, residual)
    telling = [(variance, freedom) for variance, freedom, _ in raw.values() if variance > 0]
    if len(telling) < 3:
        return raw
    variances, freedom = map(np.array, zip(*telling, strict=True))
    logs = np.log(variances) - special.digamma(freedom / 2) + np.log(freedom / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, freedom / 2).mean()
    most = freedom.sum()
    if excess <= 0:
        return {name: (float(np.exp(logs.mean())), most, residual) for name, (_, _, residual) in raw.items()}
    prior = 2 * optimize.brentq(lambda half: special.polygamma(1, half) - excess, 1e-6, 1e9)
    common = np.exp(logs.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return {
        name: ((prior * common + own * variance) / (prior + own), min(prior + own, most), residual)
        for name, (variance, own, residual) in raw.items()
    }


def difference(
    first: str, second: str, scores: Scores, clusters: pd.Series, seeds: Mapping[str, tuple[float, float, float]]
) -> tuple[float, float]:
    """Return by how much the first is better, and the two-sided p-value of no difference."""
    one, other = (scores[name].mean(axis=0).to_numpy() for name in (first, second))
    gaps, n = one - other, len(one)
    added = 2 / max(len(scores[first]), len(scores[second])) ** 2
    units = (cluster_sums(gaps, clusters) ** 2).sum() * (n / (n + 2)) ** 2 + added / (n + 2) ** 2
    shares = clusters.value_counts().to_numpy() / n
    weight = units**2 / (1 / (shares**2).sum() - 1)
    known = [(name, *seeds[name]) for name in (first, second) if name in seeds]
    from_seeds = max(0.0, sum((between - residual) / len(scores[name]) for name, between, _, residual in known))
    parts = [(between / len(scores[name]), freedom) for name, between, freedom, _ in known]
    if len(parts) == 2 and known[0][1:3] == known[1][1:3]:  # one variance that both share
        parts = [(parts[0][0] + parts[1][0], parts[0][1])]
    weight += sum(part**2 / freedom for part, freedom in parts)
    centre = gaps.sum() / (n + 2)
    error = np.sqrt(units + from_seeds)
    p_value = 2 * stats.t.sf(abs(centre) / error, (units + from_seeds) ** 2 / weight) if error else float(centre == 0)
    totals = pd.DataFrame({"one": one, "other": other}).groupby(clusters.to_numpy()).sum().round(9)
    unlike = int((totals["one"] != totals["other"]).sum())
    return float(centre), float(max(p_value, min(1.0, 2.0 ** (1 - unlike))))


def tied_for_best(scores: Scores, clusters: pd.Series, untrained: set[str]) -> set[str]:
    """Return the methods than which none is better, by Holm's correction over all ordered pairs."""
    seeds = seed_variances(scores, clusters, untrained)
    found = []
    for first, second in permutations(scores, 2):
        centre, p_value = difference(first, second, scores, clusters, seeds)
        found.append((p_value / 2 if centre > 0 else 1 - p_value / 2, second))
    worse, largest = set(), 0.0
    for place, (p_value, name) in enumerate(sorted(found, key=lambda pair: pair[0])):
        largest = max(largest, p_value * (len(found) - place))
        if largest < SIGNIFICANCE:
            worse.add(name)
    return set(scores) - worse


def on_front(accuracy: Mapping[str, float], memory: Mapping[str, float], baselines: set[str]) -> set[str]:
    """Return the trained methods that beat every baseline and that none dominates in accuracy and training memory."""
    floor = max((accuracy[name] for name in baselines), default=-np.inf)
    inside = [name for name in memory if accuracy[name] > floor]
    return {
        name
        for name in inside
        if not any(
            accuracy[other] >= accuracy[name]
            and memory[other] <= memory[name]
            and (accuracy[other], memory[other]) != (accuracy[name], memory[name])
            for other in inside
        )
    }


def compare(folder: Path, said: Sequence[Mapping[str, Any]]) -> int:
    """Print what is counted here beside each row of `paretune results --json`, and return how many rows differ."""
    finals, scores, clusters = read(folder)
    methods = {one["trial"]["method"]["label"]: one["trial"]["method"] for one in finals}
    untrained = {name for name, one in methods.items() if one["implementation"] in UNTRAINED}
    plain = {name for name in untrained if not methods[name].get("parameters")}
    accuracy = {name: float(one.to_numpy().mean()) for name, one in scores.items()}
    measured = pd.DataFrame(
        [(one["trial"]["method"]["label"], one["metrics"].get(MEMORY)) for one in finals], columns=["name", "memory"]
    )
    memory = measured.dropna().groupby("name")["memory"].mean().to_dict()
    front, tied = on_front(accuracy, memory, plain), tied_for_best(scores, clusters, untrained)
    differ = 0
    for row in said:
        if (name := row["method"]) not in accuracy:
            continue
        theirs = (row["metrics"]["accuracy"], MEMORY in row["pareto_front_costs"], row["standing"]["tied_for_best"])
        ours = (accuracy[name], name in front, name in tied)
        same = abs(theirs[0] - ours[0]) < 1e-9 and theirs[1:] == ours[1:]
        differ += not same
        marks = ("front" if ours[1] else "", "tied for best" if ours[2] else "", "" if same else f"PARETUNE: {theirs}")
        print(f"{name:<24} {ours[0]:.2%}  {'  '.join(filter(None, marks))}")
    print(f"{len(accuracy)} methods, {len(clusters)} items, {clusters.nunique()} clusters: {differ} rows differ")
    return differ


def main(folder: Path) -> int:
    """Print both and return 0 where they agree."""
    command = [sys.executable, "-m", "paretune", "results", str(folder), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(compare(folder, json.loads(said)["rows"]) > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
