"""The command line. What it does lives below; here are only words, bars and exit codes."""

import sys


def main() -> None:
    """Run the command line. Exit codes: 0 success, 1 a trial did not end, 2 wrong use with one clear line."""
    import typer.exceptions

    from paretune.cli.app import app
    from paretune.spec.errors import InputError, one_line

    try:
        code = app(standalone_mode=False)
    except InputError as error:
        code = _complain(*error.problems)
    except typer.exceptions.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # typer's own copy of click does not export it
            print(error.format_message(), file=sys.stderr)
            code = 2
        else:
            code = _complain(one_line(RuntimeError(error.format_message())))
    except (KeyboardInterrupt, typer.Abort):
        print("paretune: stopped; re-run the same command to resume", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stderr.close()
        code = 0
    sys.exit(code)


def _complain(*messages: str) -> int:
    for message in messages:
        print(f"paretune: {message}", file=sys.stderr)
    return 2
