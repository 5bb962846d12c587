"""Whether any two statements about one study contradict each other, on simulated studies.

    python -m benchmarks.contradictions [--studies 500] [--first 0]

The statements are those of compare, claim and recommend, ranks and ties of the table, its fronts and its note on
claims; each study is another, from `tests/analysis/simulated_studies.py`.
"""

import argparse
import sys

from rich.console import Console
from rich.progress import track

from tests.analysis.contradictions import contradictions, everything_said, few_draws
from tests.analysis.simulated_studies import simulated_study


def main() -> int:
    """Print every contradiction with its study's number. Returns 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--first", type=int, default=0, help="Number of the first study: other numbers, other studies.")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.studies)
    found, statements = 0, 0
    with few_draws():
        for number in track(numbers, console=Console(stderr=True), transient=True):
            said = everything_said(*simulated_study(number))
            statements += len(said.comparisons) + len(said.claims) + len(said.rows)
            for words in contradictions(said):
                found += 1
                print(f"study {number}: {words}", flush=True)
    print(
        f"{arguments.studies} studies from number {arguments.first}, {statements:,} statements, {found} contradictions"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
