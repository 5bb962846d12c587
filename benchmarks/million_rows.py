"""Planning a study of a large data set: processor seconds and peak memory, beside those of a small one.

python benchmarks/million_rows.py [--rows 1000000]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_WORDS = ("the", "quick", "brown", "foxes", "jump", "over", "seven", "lazy", "wizards")
_PLAN = """
import resource, sys, time
from paretune.cli import main
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{time.process_time():.1f} s of processor time, peak {used.ru_maxrss / 1e6 * 1.024:.2f} GB", file=sys.stderr)
"""


def lines(number: int) -> Iterator[str]:
    """Yield rows of about 165 bytes."""
    draw = random.Random(0)
    for index in range(number):
        prompt, completion = (" ".join(draw.choices(_WORDS, k=number)) for number in (18, 6))
        yield json.dumps({"prompt": f"{prompt} {index}?", "completion": completion}) + "\n"


def main() -> None:
    """Plan the same study with 100 rows and with as many as asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        for number in (100, rows):
            path = Path(folder) / f"rows-{number}.jsonl"
            with path.open("w", encoding="utf-8") as file:
                file.writelines(lines(number))
            study = ["run", "--data", str(path), "--model", "toy:llama", "--methods", "base,lora", "--plan"]
            done = subprocess.run([sys.executable, "-c", _PLAN, *study], capture_output=True, text=True, check=True)
            print(f"{number} rows: {done.stderr.splitlines()[-1]}")


if __name__ == "__main__":
    main()
