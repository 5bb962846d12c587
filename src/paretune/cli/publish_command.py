"""The command that publishes a study on the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from paretune.cli import options
from paretune.cli.commands import Commands
from paretune.cli.folders import folder_of

publishing = Commands()


@publishing.command(epilog="Example: paretune publish results/demo --space my-name/demo --dry-run")
def publish(  # noqa: PLR0917 (one for each option)
    folder: options.Folder,
    space: Annotated[str, typer.Option(metavar="OWNER/NAME", help="Space that shows the page.", show_default=False)],
    dataset: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="Data set of the records (default: the Space's name with -records)."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make both private.")] = False,
    licence: Annotated[
        str | None,
        typer.Option("--license", metavar="ID", help="Licence on both cards, such as cc-by-4.0 (default: none)."),
    ] = None,
    model_card: Annotated[
        bool,
        typer.Option(
            "--model-card", help="Also write a model card with its results (model-index) for each adapter that is kept."
        ),
    ] = False,
    own_data: Annotated[
        bool,
        typer.Option(
            "--own-data",
            help="Also publish questions, answers, references and images of tasks on your own data (default: their "
            "scores alone).",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write what would be uploaded to a folder, and contact nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="With --dry-run: the folder (default: DIR/publish).")
    ] = None,
) -> None:
    """Publish a study on the Hugging Face Hub: the page as a static Space, the records as a data set.

    Log in first: hf auth login. Adapters and logs are not uploaded. Of paths in records the last part is kept, and
    tracebacks are left out. Look at it first with --dry-run.
    """
    from paretune.cli.publish import Options, publish_study

    asked = Options(space, dataset, private, licence, model_card, own_data, dry_run, out)
    publish_study(folder_of(folder), asked)
