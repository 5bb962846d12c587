"""The command `run`, from what was typed to the exit code."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from paretune.cli.studies import RunOptions, checked, chosen_study, run_and_show
from paretune.cli.study_files import folder_for, keep_study_file
from paretune.spec import InputError, Study


class Asked(NamedTuple):
    """What is to be run."""

    file: Path | None
    """The study file, in place of options that describe a study."""
    described: dict[str, Any]
    """The options that describe one, by name; None where one was not given."""
    out: str | None
    """A folder or a URL."""
    budget: str | None
    plan: bool
    """Plan only."""
    as_json: bool
    executor: str = "local"
    """The name of what runs the trials."""
    jobs: str | None = None
    """How many run at once, a number or "auto"."""
    gpu: str | None = None
    """The GPU that a plan is priced for."""
    price: str | None = None
    """What an hour of it costs."""
    speed_from: Path | None = None
    """The folder whose steps say how fast it is."""


def run_command(asked: Asked, how: RunOptions) -> int:
    """Run what is asked, or show its plan, and return the exit code.

    `how` is completed by the executor that is asked for, and how many trials it runs at once. The study is read before
    a cluster is reached, and a plan reaches none. Raises `InputError` for options that exclude each other, for a
    cluster that cannot be used, and as `chosen_study` and the run do.
    """
    from paretune.execute.choose import LOCAL, chosen_executor, jobs_from, planned_executor

    jobs = jobs_from(asked.jobs, asked.executor)
    if asked.executor != LOCAL:
        budget = asked.budget is not None
        given = {"--pack": how.pack != 1, "--share-devices": how.share_devices, "--budget": budget}
        for option in (name for name, is_given in given.items() if is_given):
            raise InputError(f"{option} is for trials on this machine; leave it out with --executor {asked.executor}")
    study = chosen_study(asked.file, asked.described)
    if asked.as_json and not asked.plan:
        raise InputError("--json belongs to --plan; the results as JSON: paretune results DIR --json")
    _check_priced(asked)
    choose = (asked.executor, jobs, how.threads)
    with nullcontext(planned_executor(*choose)) if asked.plan else chosen_executor(*choose) as chosen:
        how = how._replace(jobs=jobs, executor=chosen.executor, at_once=chosen.at_once)
        return _run(asked, study, how)


def _run(asked: Asked, study: Study, how: RunOptions) -> int:
    from paretune.store.remote import folder_named_by, local_folder, opened_for_writing

    out = asked.out or folder_for(asked.file, study)
    folder = folder_named_by(out)
    if asked.budget is not None:
        from paretune.cli.budget import refuse_chosen, within_budget

        if folder is None:
            raise InputError(f"{out}: --budget writes a study file to edit; run it with a folder as --out")
        excluded = {"--seeds": asked.described["seeds"], "--experiments": asked.described["experiments"]}
        refuse_chosen({"a study file": asked.file, **excluded})
        study = within_budget(study, folder, asked.budget, threads=how.threads, skip_unavailable=how.skip_unavailable)
    if asked.plan:
        return _plan(asked, study, local_folder(out, may_be_empty=True), how)
    if folder is None:
        with opened_for_writing(out) as place:
            return run_and_show(study, place.folder, how._replace(send=place.send))
    keep = keep_study_file if asked.file is None and asked.budget is None else None
    return run_and_show(study, folder, how, keep=keep)


def _check_priced(asked: Asked) -> None:
    """Refuse options of a priced plan without what they belong to."""
    if asked.gpu is not None and not asked.plan:
        raise InputError("--gpu belongs to --plan, which prices a study for a GPU; leave it out")
    for option, value in {"--price": asked.price, "--speed-from": asked.speed_from}.items():
        if value is not None and asked.gpu is None:
            raise InputError(f"{option} belongs to --plan with --gpu, for example --gpu h100")


def _plan(asked: Asked, study: Study, folder: Path, how: RunOptions) -> int:
    from paretune.cli.planning import show_plan
    from paretune.execute.choose import on_this_machine
    from paretune.report.cost import parse_price

    price = None if asked.price is None else parse_price(asked.price)
    prepared = checked(study, folder, how, weights=False, here=asked.gpu is None)
    priced = None
    if asked.gpu is not None:
        from paretune.cli.pricing import price_plan

        priced = price_plan(prepared, asked.gpu, asked.speed_from)
    at_once = how.at_once or on_this_machine(how.jobs)
    show_plan(prepared, folder, at_once=at_once, retry=how.retry, as_json=asked.as_json, priced=priced, price=price)
    return 0
