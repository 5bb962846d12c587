"""Looks for the words that CONTRIBUTING.md asks to avoid, in the documentation and in the package.

    python tools/check_words.py [FOLDER]

Prints each place as FILE:LINE and exits with code 1 where there is one. The log and the decisions keep their own words.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

WORD_LIST = "CONTRIBUTING.md"
_ROW = re.compile(r"^\| (?P<avoid>[^|]+?) \| (?P<write>[^|]+?) \|$", re.MULTILINE)
_HEADING = "## Words"
_SEARCHED = ("README.md", "docs/guide/*.md", "docs/extend/*.md", "docs/reference/*.md", "docs/examples/*/*.md")
_PACKAGE = ("src/**/*.py", "src/**/*.html", "src/**/*.js", "src/**/*.toml")


def word_list(text: str) -> dict[str, str]:
    """Return what to write for each phrase to avoid, from the table under "Words"."""
    section = text.partition(_HEADING)[2].partition("\n## ")[0]
    rows = {row["avoid"]: row["write"] for row in _ROW.finditer(section)}
    return {avoid: write for avoid, write in rows.items() if set(avoid) != {"-"} and avoid != "avoid"}


def found(root: Path) -> Iterator[str]:
    """Yield a line for each place in a checkout where a phrase to avoid stands."""
    words = word_list((root / WORD_LIST).read_text(encoding="utf-8"))
    phrases = {avoid: re.compile(rf"\b{re.escape(avoid)}\b", re.IGNORECASE) for avoid in words}
    for file in sorted(file for pattern in (*_SEARCHED, *_PACKAGE) for file in root.glob(pattern)):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            for avoid, phrase in phrases.items():
                if phrase.search(line):
                    yield f'{file.relative_to(root)}:{number}: "{avoid}": write {words[avoid]}'


def main() -> int:
    """Print what was found and return the exit code."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    places = list(found(root))
    print("\n".join(places) or "no words to avoid")
    return 1 if places else 0


if __name__ == "__main__":
    sys.exit(main())
