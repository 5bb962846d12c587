"""Results of other people's tools, in and out, and adapters for servers."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from paretune.cli import options
from paretune.cli.commands import Commands
from paretune.cli.folders import folder_of

importing = Commands(no_args_is_help=True, help="Import results of other tools.")
exporting = Commands(no_args_is_help=True, help="Export results and adapters in the layout of other tools.")
_PEFT = "peft-comparison"


@importing.command(
    _PEFT, epilog="Example: paretune import peft-comparison peft/method_comparison -o results/peft-comparison"
)
def import_peft(
    source: Annotated[
        Path,
        typer.Argument(help="The folder method_comparison of a peft checkout, a task folder in it, or a result file."),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder; each imported task gets a folder in it.")],
) -> None:
    """Import the results of peft's method comparison.

    They are marked as imported. Running it again adds only new ones.
    """
    from paretune.interop.importers import import_peft_comparison

    for done in import_peft_comparison(source, out):
        known = f", {done.num_known} were there" if done.num_known else ""
        print(f"{done.num_new} results imported{known}: paretune results {done.folder}")


@exporting.command(_PEFT, epilog="Example: paretune export peft-comparison results/gsm8k -o peft/method_comparison")
def export_peft(
    folder: options.Folder,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder in the place of their method_comparison.")],
) -> None:
    """Export results as files of peft's method comparison."""
    from paretune.interop.exporters import export_peft_comparison

    done = export_peft_comparison(folder_of(folder), out)
    for reason in done.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    for place, number in Counter(file.parent for file in done.files).items():
        print(f"{number} results written to {place}")


@exporting.command(
    "adapter", epilog="Example: paretune export adapter converted/rank-16 --for llama.cpp -o served/word-problems"
)
def export_adapter(
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a saved adapter.", metavar="CHECKPOINT")],
    server: Annotated[str, typer.Option("--for", help="What loads it: peft, vllm, transformers, llama.cpp or ollama.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write into.")],
    model: Annotated[
        str | None, typer.Option(help="Base model (default: the one that the checkpoint was trained on).")
    ] = None,
) -> None:
    """Export an adapter as a server loads it.

    Writes a peft folder, a LoRA folder that follows vLLM's rules, a folder with the base model and the adapter for
    transformers serve, or a GGUF file for llama.cpp and Ollama. vLLM, llama.cpp and Ollama take plain LoRA only: for
    other methods call paretune convert first.
    """
    from paretune.cli.export_adapter import export_adapter as exported

    print("\n".join(exported(checkpoint, server, out, model)))
