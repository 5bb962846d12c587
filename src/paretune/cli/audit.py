"""Auditing methods: progress on standard error, a table or JSON on standard output."""

import json
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from paretune.audit.run import OnMethod, audit_methods
from paretune.methods.capabilities import RECORDED_AUDIT, plugin_audit_files
from paretune.models import check_reference, prefetch
from paretune.report.console.audit_table import audit_summary
from paretune.spec import CLAIMS, Audit, Finding, InputError, MethodAudit, read_audit
from paretune.store.atomic import write_whole

_PLAIN_INTERVAL_SECONDS = 10.0


def run_audit(
    methods: list[str],
    *,
    everything: bool,
    model: str | None,
    checks: list[str],
    kinds: list[str],
    jobs: int | None,
    record: bool,
    as_json: bool,
) -> None:
    """Audit methods and print what was found; with `record` also replace the recorded audit of their package.

    With `checks` or `kinds` only those checks, and on those kinds of model, are run, and recorded in place of what the
    recorded audit says of them.
    """
    if bool(methods) == everything:
        raise InputError("give methods to audit, or --all (for example: paretune audit lora lily)")
    files = _files_to_record(methods, model, in_part=bool(checks or kinds)) if record else {}
    if model is not None:
        check_reference(model)
        prefetch(model)
    began = time.monotonic()
    with _progress(Console(stderr=True)) as on_method:
        found = audit_methods(
            None if everything else methods,
            model=model,
            claims=checks or CLAIMS,
            kinds=kinds or None,
            jobs=jobs,
            on_method=on_method,
        )
    seconds = time.monotonic() - began
    print(f"{len(found.methods)} methods in {timedelta(seconds=round(seconds))}", file=sys.stderr)
    for file, names in files.items():
        write_recorded(with_the_rest(found, file, checks, kinds) if checks or kinds else found, file, names)
        print(f"recorded in {file}", file=sys.stderr)
    if as_json:
        print(json.dumps(found.model_dump(mode="json"), indent=1))
    else:
        Console().print(audit_summary(found))


def _files_to_record(
    methods: Sequence[str], model: str | None, *, in_part: bool
) -> dict[Path, frozenset[str] | None]:  # fmt: skip
    """Return which files to write, each with the implementations whose audits go there; None for Paretune's own.

    Raises `InputError` where a recorded audit would lose methods.
    """
    if model is not None:
        raise InputError("--record goes without --model: recorded audits are made on toy models")
    plugins = plugin_audit_files()
    if not methods or (in_part and not set(methods) & plugins.keys()):
        return {RECORDED_AUDIT: None}
    strange = [name for name in methods if name not in plugins]
    if strange:
        raise InputError(
            f"--record goes with --all, --check or --kind, or with the methods of plug-in packages; "
            f"{', '.join(strange)}: no such package"
        )
    files: dict[Path, frozenset[str] | None] = {}
    for file in dict.fromkeys(plugins[name] for name in methods):
        whole = {name for name, other in plugins.items() if other == file}
        if missing := sorted(whole - set(methods)):
            raise InputError(f"--record replaces {file}: name its other methods too: {', '.join(missing)}")
        files[file] = frozenset(whole)
    return files


def with_the_rest(found: Audit, file: Path, checks: Collection[str], kinds: Collection[str] = ()) -> Audit:
    """Return the recorded audit with what was found of some checks on some kinds of model in place of what it said.

    None are all of them.

    Raises `InputError` where it was made with other packages, or of other methods.
    """
    before = read_audit(json.loads(file.read_text(encoding="utf-8")), str(file))
    for name, was in before.packages.items():
        if (now := found.packages.get(name)) != was:
            raise InputError(f"{file}: made with {name} {was}, and {now} is installed: record all checks")
    new = {(one.method.canonical_json(), one.tied_embeddings): one for one in found.methods}
    plugins = plugin_audit_files()
    old = {(one.method.canonical_json(), one.tied_embeddings) for one in before.methods}
    missing = [one.label for key, one in new.items() if key not in old and one.method.implementation not in plugins]
    if missing:
        raise InputError(f"{file}: has no audit of {', '.join(missing)}: record all checks")

    def is_new(finding: Finding) -> bool:
        return finding.claim in (checks or CLAIMS) and (not kinds or finding.model_kind in kinds)

    methods = []
    for one in before.methods:
        key = one.method.canonical_json(), one.tied_embeddings
        if key in new:
            kept = [finding for finding in one.findings if not is_new(finding)]
            added = [finding for finding in new[key].findings if is_new(finding)]
            one = one.model_copy(update={"findings": (*kept, *added)})  # noqa: PLW2901
        methods.append(one)
    base_models = {**before.base_models, **found.base_models}
    changed = {"made_on": found.made_on, "packages": found.packages, "base_models": base_models}
    return before.model_copy(update={**changed, "methods": tuple(methods)})


def write_recorded(found: Audit, file: Path, implementations: frozenset[str] | None = None) -> None:
    """Write an audit as JSON with one finding a line, at once or not at all: of these implementations alone, if given.

    By default what comes from plug-ins is left out.
    """
    plugins = plugin_audit_files()
    kept = tuple(
        one
        for one in found.methods
        if (
            one.method.implementation not in plugins
            if implementations is None
            else one.method.implementation in implementations
        )
    )
    found = found.model_copy(update={"methods": kept})
    lines = [json.dumps(found.model_dump(mode="json", exclude={"methods"}), ensure_ascii=False)[:-1]]
    methods = [_method_lines(method) for method in found.methods]
    write_whole(file, (lines[0] + ', "methods": [\n' + ",\n".join(methods) + "\n]}\n").encode())


def _method_lines(method: MethodAudit) -> str:
    findings = [json.dumps(_brief(finding), ensure_ascii=False) for finding in method.findings]
    about = json.dumps(method.model_dump(mode="json", exclude={"findings"}), ensure_ascii=False)[:-1]
    return f'{about}, "findings": [\n' + ",\n".join(f"  {finding}" for finding in findings) + "\n]}"


def _brief(finding: Finding) -> dict[str, Any]:
    """Return a finding without what its verdict leaves empty."""
    value = finding.model_dump(mode="json")
    value["verdict"] = {name: part for name, part in value["verdict"].items() if part not in {None, ""}}
    return value


@contextmanager
def _progress(console: Console) -> Iterator[OnMethod]:
    """Yield what tells how far it is: a bar in a terminal, a line now and then in a log."""
    began = time.monotonic()
    spoke = began

    def note(done: int, total: int) -> str:
        passed = time.monotonic() - began
        return f"{done} of {total}, about {timedelta(seconds=round(passed * (total - done) / done))} left"

    if not console.is_terminal:

        def say(method: MethodAudit, done: int, total: int) -> None:
            nonlocal spoke
            if time.monotonic() - spoke > _PLAIN_INTERVAL_SECONDS or done == total:
                spoke = time.monotonic()
                print(f"audited {method.label}: {note(done, total)}", file=sys.stderr)

        yield say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("audit", total=None, note="loading")

        def show(method: MethodAudit, done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total, description=method.label, note=note(done, total))

        yield show
