"""Studies that are kept with their records, and the tables that their READMEs show."""

import json
import re
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from paretune.cli.app import app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def kept_rows(study: Path) -> dict[str, Any]:
    """Return the rows of a study as `paretune results --json` has them, by their methods."""
    done = CliRunner().invoke(app, ["results", str(study), "--json"])
    assert done.exit_code == 0, done.output
    return {row["method"]: row for row in json.loads(done.stdout)["rows"]}


def check_records(study: Path) -> None:
    """Every trial is there once and ended well."""
    records = [json.loads(path.read_text()) for path in (study / "records").iterdir()]
    assert {record["outcome"]["kind"] for record in records} == {"ok"}
    assert len({record["trial_id"] for record in records}) == len(records)


def cells_in_readme(study: Path) -> dict[str, list[str]]:
    """Return the lines of the README's tables as cells, by the first cell without its marks; of two, the first."""
    lines = re.findall(r"^\| (.+) \|$", (study / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.split(r" [≈◆◇]", cells[0])[0].strip(): cells for cells in (line.split(" | ") for line in reversed(lines))
    }


def check_accuracies(rows: dict[str, Any], told: dict[str, list[str]]) -> None:
    """The README's table says of every row what its records say: marks, accuracy in percent, interval."""
    for name, row in rows.items():
        cells, (low, high) = told[name], row["intervals"]["accuracy"]
        assert ("≈" in cells[0]) == row["standing"]["tied_for_best"]
        assert ("◆" in cells[0]) == ("train_peak_bytes" in row["pareto_front_costs"])
        assert cells[2] == f"{row['metrics']['accuracy']:.1%}"
        assert cells[3] == f"{100 * low:.0f} to {100 * high:.0f}"
