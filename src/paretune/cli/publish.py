"""Publishing a study on the Hub: from options to folders, and from folders to repositories."""

import getpass
import re
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from paretune.cli.tasks_at_hand import TasksAtHand
from paretune.interop.hub.cards import Names
from paretune.interop.hub.folders import DATASET, SPACE, Wanted, sizes, write_folders
from paretune.interop.hub.local_names import LocalNames, places_in
from paretune.interop.hub.public_store import PublicCopy, answers_of, holds_own_data, records_to_publish
from paretune.interop.hub.upload import Hub, Upload, checked_name, logged_in_hub, look_up, publish
from paretune.report import PageSources, render_page
from paretune.report.format import size
from paretune.spec import DataReport, InputError, Record
from paretune.spec.memory import MemoryEstimate
from paretune.store import KeptPicture, Store, load_planned_records, load_records, read_plan
from paretune.store.kept_data_reports import read_data_reports
from paretune.store.kept_estimates import read_estimates


class Options(NamedTuple):
    """What the command line asks for."""

    space: str
    dataset: str | None = None
    private: bool = False
    licence: str | None = None
    model_cards: bool = False
    own_data: bool = False
    dry_run: bool = False
    out: Path | None = None


def publish_study(folder: Path, options: Options, hub: Hub | None = None) -> None:
    """Publish a study, or write what would be published. Raises `InputError` for what cannot be.

    `hub` is by default the real one, as the person who is logged in.
    """
    names = names_from(options)
    if options.out is not None and not options.dry_run:
        raise InputError("-o belongs to --dry-run; without it, folders are uploaded and not kept")
    if options.dry_run:
        target = options.out or folder / "publish"
        print("\n".join(_dry_run_lines(_write(folder, target, names, options), target, names, private=options.private)))
        return
    records_to_publish(Store(folder))
    hub = hub or logged_in_hub()
    with tempfile.TemporaryDirectory(prefix="paretune-") as temporary:
        target = Path(temporary) / "publish"
        uploads = [Upload("dataset", names.dataset, target / DATASET), Upload("space", names.space, target / SPACE)]
        look_up(hub, uploads, private=options.private)  # before the page is made, which takes a while
        made = _write(folder, target, names, options)
        print(*_notes(made), sep="\n", file=sys.stderr)
        message = f"Results of {made.copy.study.name}"
        for done in publish(hub, uploads, private=options.private, message=message):
            print(f"{done.upload.words}{' (private)' if done.private else ''}: {done.address}")


def names_from(options: Options) -> Names:
    """Return where to publish. Raises `InputError` for names and licences that the Hub would refuse."""
    from huggingface_hub import constants

    space = checked_name("--space", options.space)
    dataset = checked_name("--dataset", options.dataset or f"{space}-records")
    licence = options.licence
    if licence is not None and not re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", licence):
        raise InputError(f"--license {licence}: write an identifier of the Hub, such as apache-2.0, cc-by-4.0 or other")
    return Names(space, dataset, constants.ENDPOINT.rstrip("/"), licence)


class Made(NamedTuple):
    """What was written, and what was taken out."""

    copy: PublicCopy
    shortened: list[str]


def _write(folder: Path, target: Path, names: Names, options: Options) -> Made:
    source = Store(folder)
    study, records = records_to_publish(source)
    here = [str(place) for place in (folder.absolute(), Path.cwd()) if " " in str(place)]
    local = LocalNames([*places_in(records, study), *here], _names_of_this_machine(), str(Path.home()))
    wanted = Wanted(names, local, own_data=options.own_data, model_cards=options.model_cards)

    def page(public: Path, copy: PublicCopy) -> str:
        return public_page(source, public, copy, wanted)

    return Made(write_folders(source, target, wanted, page), sorted(local.shortened))


def _names_of_this_machine() -> list[str]:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may run as a user without a name
        user = ""
    return [name for name in (user, socket.gethostname()) if name not in {"root", "user", "localhost"}]


def public_page(source: Store, public: Path, copy: PublicCopy, wanted: Wanted) -> str:
    """Return the page of the published records. What the copy does not hold comes from the study's own folder."""
    at_hand = TasksAtHand()
    originals = {(one.trial_id, one.attempt): one for one in load_records(source.folder)}

    def original(record: Record) -> Record | None:
        found = originals.get((record.trial_id, record.attempt))
        own = found is not None and holds_own_data(found.trial.task)
        return None if own and not wanted.own_data else found

    def prompts(record: Record) -> Mapping[str, str]:
        found = original(record)
        return at_hand.prompts(found) if found else {}

    def images(record: Record) -> Mapping[str, bytes]:
        found = original(record)
        return at_hand.images(found) if found else {}

    def pictures(record: Record) -> list[KeptPicture]:
        found = original(record)
        return source.pictures(found) if found else []

    local, store = wanted.local, Store(public)
    reports = [] if copy.withheld else read_data_reports(source.folder)
    sources = PageSources(
        answers=store.scores,
        plan=read_plan(public),
        estimates=[
            MemoryEstimate.read(local.removed(one.model_dump(mode="json")), str(source.folder))
            for one in read_estimates(source.folder)
        ],
        pictures=pictures,
        answered=lambda record: answers_of(store, record) or [],
        prompts=prompts,
        images=images,
        data=[DataReport.read(local.removed(one.model_dump(mode="json")), str(source.folder)) for one in reports],
    )
    return render_page(load_planned_records(public), copy.study, sources)


def _dry_run_lines(made: Made, target: Path, names: Names, *, private: bool) -> list[str]:
    seen = "private" if private else "public"
    lines = []
    for words, name, folder in (("Space", names.space, SPACE), ("Data set", names.dataset, DATASET)):
        lines.append(f"{words} {name} ({seen}), from {target / folder}:")
        for one in sizes(target / folder):
            files = f", {one.num_files} files" if one.name.endswith("/") else ""
            lines.append(f"  {size(one.num_bytes):>8}  {one.name}{files}")
    return [*lines, *_notes(made), "Nothing was uploaded: without --dry-run, these folders are."]


def _notes(made: Made) -> list[str]:
    notes = []
    if made.copy.withheld:
        notes.append(
            f"Scores alone of {', '.join(made.copy.withheld)}, whose data is yours; --own-data publishes questions, "
            "answers, references and images too."
        )
    if made.shortened:
        first = ", ".join(made.shortened[:3])
        notes.append(f"Taken out of records and study: {len(made.shortened)} local names such as {first}.")
    return [*notes, "Adapters and logs are not published."]
