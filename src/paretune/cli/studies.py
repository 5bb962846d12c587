"""Running a study and showing what came out."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from paretune.cli.experiments import general_text_from, study_of_experiments, task_options_from
from paretune.cli.next_step import print_next_step
from paretune.cli.own_task import option_name, own_entry, own_model, own_task
from paretune.cli.progress import watcher_for
from paretune.cli.tasks_at_hand import TasksAtHand
from paretune.cli.training_options import OWN_DATA_LENGTH, Training
from paretune.spec import InputError, Record, SkillEntry, Study, naming
from paretune.store.remote import address_of

if TYPE_CHECKING:
    from paretune.execute.duration import AtOnce
    from paretune.execute.executor import ExecutorFactory
    from paretune.execute.prepare import Prepared
    from paretune.report import PageSources

DATA_OPTIONS = ("prompt", "completion", "text", "label", "choices", "image_column", "group", "metric")
"""Columns of own data that the command line can name, and its metrics, as the task's options are called."""
_DESCRIBING = (
    "model", "task", "methods", "data", *DATA_OPTIONS, "no_chat_template", "epochs", "steps", "batch_size",
    "max_length", "learning_rate", "seeds", "experiments", "task_option", "general_text", "skills",
)  # fmt: skip
"""Options of `paretune run` that describe a study."""


def demo_study(base_model: str | None) -> Study:
    """Return the study that `paretune demo` runs, on another base model if one is given."""
    study = Study.from_toml(Path(str(files("paretune.cli") / "demo.toml")))
    return study.model_copy(update={"base_model": base_model or study.base_model})


def chosen_study(file: Path | None, options: dict[str, Any]) -> Study:
    """Return the study in a file, or the one that command-line options describe, by name; None is not given.

    Raises `InputError` where both are given, or neither.
    """
    given = sorted(f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None)
    if file is not None and file.suffix.lower() != ".toml":
        raise InputError(f"{file}: not a study file, which ends in .toml; did you mean --data {file}?")
    if file is not None and given:
        raise InputError(f"{', '.join(given)} and a study file exclude each other: put it into {file}")
    if file is None and options["methods"] is None and options["experiments"] is None:
        raise InputError("give a study file, or --methods (for example --methods base,lora,oft)")
    return Study.from_toml(file) if file is not None else study_from_options(**options)


def study_from_options(
    *,
    model: str | None,
    task: str | None,
    methods: str | None,
    data: str | None,
    experiments: Path | None = None,
    task_option: Sequence[str] | None = None,
    general_text: str | None = None,
    skills: str | None = None,
    no_chat_template: bool | None = None,
    **others: Any,
) -> Study:
    """Return the study described by command-line options; `others` are fields of `Training` and `DATA_OPTIONS`."""
    columns = {name: others.pop(name, None) for name in DATA_OPTIONS}
    training = Training(**others)
    options = task_options_from(task_option or ()) | _data_options(data, columns, no_chat_template)
    if experiments is not None:
        if methods is not None or task is not None or data is not None:
            raise InputError("--experiments names methods and task itself; leave --methods, --task and --data out")
        study = study_of_experiments(experiments, model=model, task_options=options, general_text=general_text)
        asked = tuple(SkillEntry(name=name) for name in _names(skills))
        return training.applied(study.model_copy(update={"skills": asked}))
    entry: dict[str, Any] = {"name": task or "word_problems", "options": options}
    if data is not None:
        entry = own_entry(own_task(task, model), data, options)
    value: dict[str, Any] = {
        "name": _study_name(data) if data else entry["name"].replace(":", "-"),
        "base_model": model or own_model(entry["name"]),
        "tasks": [entry],
        "methods": _names(methods),
        "skills": _names(skills),
    }
    if data is not None:
        value["recipe"] = OWN_DATA_LENGTH
    if general_text is not None:
        value["general_text"] = general_text_from(general_text)
    return training.applied(Study.read(value, "the options"))


def described_by(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `paretune run` that describe a study, None where one was not given."""
    return {name: None if given[name] is False or given[name] == [] else given[name] for name in _DESCRIBING}


def _names(text: str | None) -> list[str]:
    """Return names that stand with commas between them."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _data_options(data: str | None, columns: Mapping[str, str | None], no_template: bool | None) -> dict[str, Any]:
    """Return the options of own data that the command line names. Raises `InputError` for those without --data."""
    given: dict[str, Any] = {name: column for name, column in columns.items() if column is not None}
    if no_template:
        given["chat_template"] = False
    if given and data is None:
        names = [option_name(name) for name in given]
        raise InputError(f"{', '.join(names)} belongs to --data, which is missing")
    return given


def _study_name(data: str) -> str:
    """Return a file's name without its ending, with a dash for what a study's name cannot hold."""
    stem = Path(data.partition("@")[0]).stem if data.startswith(("hf:", "hub:")) else Path(data).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-") or "own-data"


class RunOptions(NamedTuple):
    """How a study is run."""

    jobs: int | None = 1
    """Trials at once; None for as many as there is room for."""
    threads: int | None = None
    retry: bool = False
    skip_unavailable: bool = False
    source: str | None = None
    """The file that the study came from."""
    share_devices: bool = False
    pack: int | str = 1
    """The most trials that are trained in one pass, or "auto"."""
    executor: "ExecutorFactory | None" = None
    """Makes what runs the trials; None stands for this machine."""
    at_once: "AtOnce | None" = None
    """How many it runs at once; None where `jobs` says it."""
    send: Callable[[], None] | None = None
    """Sends finished records to the URL where they belong; None where they belong into the folder."""


def checked(study: Study, folder: Path, options: RunOptions, *, weights: bool, here: bool = True) -> "Prepared":
    """Return the study ready to run in a folder. Raises `InputErrors` with all that has to be mended first.

    Where it will not run `here`, this machine's accelerators are not looked at.
    """
    from paretune.execute.prepare import prepare
    from paretune.execute.sharded import check_local, check_remote
    from paretune.models.devices import check_jobs, visible_devices
    from paretune.store import Store

    if here and options.jobs is not None and options.executor is None:
        check_jobs(options.jobs, visible_devices(), share_devices=options.share_devices)
    with Console(stderr=True).status("Checking the study") as status:
        prepared = prepare(
            study,
            Store(folder),
            retry=options.retry,
            skip_unavailable=options.skip_unavailable,
            weights=weights,
            source=options.source,
            on_check=lambda done, total: status.update(f"Checking methods: {done} of {total}"),
        )
    with nullcontext() if options.source is None else naming(options.source):
        if options.executor is None and here:
            check_local(prepared.stages.trials, visible_devices(), jobs=options.jobs, packs=options.pack != 1)
        elif options.executor is not None:
            check_remote(prepared.stages.trials)
    return prepared


KeepStudy = Callable[[Study, Path, Console], None]
"""Writes a study into its folder and says where, once it has passed all checks."""


def run_and_show(study: Study, folder: Path, options: RunOptions, keep: KeepStudy | None = None) -> int:
    """Run what is missing of a study, print the table and write the page. Returns the exit code."""
    from paretune.cli.planning import announce_plan
    from paretune.execute.choose import on_this_machine
    from paretune.execute.executor import DiskFull
    from paretune.execute.prepare import results_in
    from paretune.execute.run import run
    from paretune.execute.sending import Sending
    from paretune.report import results_summary
    from paretune.report.format import plain
    from paretune.store import Store, read_plan

    console = Console(stderr=True)
    prepared = checked(study, folder, options, weights=True)
    retry, at_once = options.retry, options.at_once or on_this_machine(options.jobs)
    announce_plan(prepared, folder, at_once=at_once, retry=retry, console=console)
    if keep is not None:
        keep(study, folder, console)

    def say(text: str) -> None:
        console.print(plain(text), markup=False, highlight=False)

    try:
        with watcher_for(at_once, console, folder) as watcher:
            records = run(
                study,
                folder,
                jobs=options.jobs,
                threads=options.threads,
                share_devices=options.share_devices,
                pack=options.pack,
                executor=options.executor,
                on_packing=say,
                retry=retry,
                prepared=prepared,
                watcher=watcher if options.send is None else Sending(watcher, options.send, say=say),
                on_plan=watcher.planned,
            )
    except KeyboardInterrupt:
        print(_stopped("stopped", len(results_in(Store(folder))), folder), file=sys.stderr)
        return 130
    except DiskFull as error:
        print(_stopped(str(error), len(results_in(Store(folder))), folder), file=sys.stderr)
        return 1
    Console().print(results_summary(records, Store(folder).scores, read_plan(folder)))
    print(f"Page: {write_study_page(folder, None)}")
    print_next_step(records, folder)
    return _exit_code(records)


def write_study_page(folder: Path, output: Path | None, min_accuracy: str | None = None) -> Path:
    """Write a study's page and return its path."""
    from paretune.report import write_page

    path = output or folder / "index.html"
    try:
        write_page(*_what_the_page_shows(folder), path, _page_sources(folder, min_accuracy))
    except OSError as error:
        raise InputError(f"{path}: cannot write the page: {error.strerror}") from None
    return path


def write_joint_page(folders: Sequence[Path], output: Path | None, min_accuracy: str | None = None) -> Path:
    """Write one page of several folders and return its path. Raises `InputError` without an output."""
    from paretune.report.html.page import part_of, render_parts
    from paretune.store.atomic import write_whole

    if output is None:
        raise InputError("-o is needed with several folders; write for example -o index.html")
    shown = [(folder, *_what_the_page_shows(folder)) for folder in folders]
    names = [study.name for _, _, study in shown]
    parts = [
        part_of(
            records,
            study,
            _page_sources(folder, min_accuracy),
            study.name if names.count(study.name) == 1 else f"{study.name} ({address_of(folder)})",
        )
        for folder, records, study in shown
    ]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, render_parts(parts, f"{len(parts)} studies").encode())
    except OSError as error:
        raise InputError(f"{output}: cannot write the page: {error.strerror}") from None
    return output


def study_page(folder: Path, min_accuracy: str | None = None) -> str:
    """Return a study's page as HTML."""
    from paretune.report import render_page

    return render_page(*_what_the_page_shows(folder), _page_sources(folder, min_accuracy))


def _what_the_page_shows(folder: Path) -> tuple[list[Record], Study]:
    """Return a study's records and the study. Raises `InputError` where the folder holds none."""
    from paretune.store import Store, load_planned_records

    records = load_planned_records(folder)
    study = Store(folder).study()
    if study is None:
        raise InputError(f"{folder}: no study.json here; give the folder that was passed to --out")
    return records, study


def _page_sources(folder: Path, min_accuracy: str | None) -> "PageSources":
    """Return what the page shows besides the records."""
    from paretune.cli.listings import floor_from
    from paretune.report import PageSources
    from paretune.store import Store, read_plan
    from paretune.store.kept_data_reports import read_data_reports
    from paretune.store.kept_estimates import read_estimates

    store, at_hand = Store(folder), TasksAtHand()
    return PageSources(
        answers=store.scores,
        plan=read_plan(folder),
        estimates=read_estimates(folder),
        pictures=store.pictures,
        answered=lambda record: store.items(record) if store.items_file(record).exists() else [],
        prompts=at_hand.prompts,
        images=at_hand.images,
        floor=floor_from(min_accuracy),
        data=read_data_reports(folder),
    )


def _stopped(reason: str, num_kept: int, folder: Path) -> str:
    """Return why a run ended before its end and what it leaves behind, as a sentence."""
    kept = "1 finished trial is" if num_kept == 1 else f"{num_kept} finished trials are"
    return f"paretune: {reason}; {kept} kept in {address_of(folder)}, and re-run the same command to resume"


def _exit_code(records: list[Record]) -> int:
    """Return 1 when a trial failed, was refused or stopped, 2 when all were refused; each says why, in one line.

    Running out of memory, time or finite numbers is a result.
    """
    from paretune.report.wording import outcome_text

    broken = [record for record in records if record.outcome.kind in {"failed", "refused", "cancelled"}]
    lines = (f"paretune: {record.trial.method.label}: {outcome_text(record.outcome)}" for record in broken)
    for line in dict.fromkeys(lines):  # seeds and learning rates of a method often end for the same reason
        print(line, file=sys.stderr)
    if records and all(record.outcome.kind == "refused" for record in records):
        return 2
    return 1 if broken else 0
