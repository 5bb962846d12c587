"""The worked example of docs/guide/results.md. `python -m tests.docs.worked_example` writes its outputs anew."""

import os
import re
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from paretune.methods import resolve
from paretune.spec import MethodEntry
from tests.records import PROVENANCE
from tests.studies import drawn_answers, evidence, write_study

GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "results.md"
_BLOCK = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)
_TRUE_ACCURACIES = {"base": 0.04, "full": 0.58, "lora": 0.48, "dora": 0.50, "oft": 0.47, "ia3": 0.24}


def make_example(home: Path) -> None:
    """Write the made-up study of the guide into results/example under `home`."""
    answers = drawn_answers(_TRUE_ACCURACIES, num_seeds=5, num_questions=500, seed_spread=0.05)
    answers["base"] = answers["base"][:1]
    provenance = PROVENANCE.model_copy(update={"model_note": None})
    methods = {label: {"method": resolve(MethodEntry(name=label)), "provenance": provenance} for label in answers}
    write_study(home / "results" / "example", evidence(answers, **methods))


def with_outputs(text: str, home: Path) -> str:
    """Return the guide with every command of its console blocks run, in `home`, and what it prints beneath it."""
    from paretune.cli.app import app

    def run(match: re.Match[str]) -> str:
        commands = [line for line in match[2].splitlines() if line.startswith("$ paretune ")]
        outputs = []
        for command in commands:
            arguments = re.findall(r'"[^"]*"|\S+', command.removeprefix("$ paretune "))
            done = CliRunner().invoke(app, [argument.strip('"') for argument in arguments], env={"COLUMNS": "100"})
            assert done.exit_code == 0, (command, done.output, done.exception)
            lines = "\n".join(line.rstrip() for line in done.stdout.rstrip().splitlines())
            outputs.append(f"{command}\n{lines}\n")
        return match[1] + "\n".join(outputs) + match[3]

    before = Path.cwd()
    os.chdir(home)
    try:
        return _BLOCK.sub(run, text)
    finally:
        os.chdir(before)


def main() -> None:
    """Write the outputs into the guide."""
    with tempfile.TemporaryDirectory() as name:
        make_example(Path(name))
        GUIDE.write_text(with_outputs(GUIDE.read_text(encoding="utf-8"), Path(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
