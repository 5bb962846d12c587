"""Results of other people's tools: in and out."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

importing = typer.Typer(no_args_is_help=True, help="Read other people's results into folders that Paretune shows.")
exporting = typer.Typer(no_args_is_help=True, help="Write a study's results in the layout of other people's tools.")
_PEFT = "peft-comparison"


@importing.command(
    _PEFT, epilog="Example: paretune import peft-comparison peft/method_comparison -o results/peft-comparison"
)
def import_peft(
    source: Annotated[
        Path, typer.Argument(help="method_comparison of a checkout of peft, a task in it, or a result file.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder; each of their tasks gets one of its own inside.")],
) -> None:
    """Read the results of peft's method comparison. They are marked as imported; doing it again adds only new ones."""
    from paretune.store.importers import import_peft_comparison

    for done in import_peft_comparison(source, out):
        known = f", {done.num_known} were there" if done.num_known else ""
        print(f"{done.num_new} results imported{known}: paretune results {done.folder}")


@exporting.command(_PEFT, epilog="Example: paretune export peft-comparison results/gsm8k -o peft/method_comparison")
def export_peft(
    folder: Annotated[Path, typer.Argument(help="Folder of a study, as given to --out.", metavar="DIR")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder that stands for their method_comparison.")],
) -> None:
    """Write a study's results as files that the tools of peft's method comparison load."""
    from paretune.store.exporters import export_peft_comparison

    done = export_peft_comparison(folder, out)
    for reason in done.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    for place, number in Counter(file.parent for file in done.files).items():
        print(f"{number} results written to {place}")
