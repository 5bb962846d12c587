"""Where the YAML file of an lm-eval task lies, and whether one of a person's own folder runs code.

lm-eval's own index reads all of its 14,000 files as YAML, which takes minutes: here they are searched as text.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paretune.spec import InputError, nearest, one_line

_NAMED = re.compile(rb"""^["']?(task|group)["']?:[ \t]*["']?([^\s"'#\[\]{}]+)["']?[ \t]*(?:#.*)?\r?$""", re.MULTILINE)
_PLAIN_TAG = "tag:yaml.org,2002:"
_RUNS_CODE = ("class", "custom_dataset", "use_prompt", "unsafe_code")
"""Keys of a task's file that name code."""


def find_task(name: str, folder: Path) -> tuple[Path | None, list[str], bool]:
    """Return the file of a task below a folder, the names of all tasks that were read, and whether it is a group's."""
    files = sorted(_yaml_files(folder), key=lambda file: (file.stem != name, file.as_posix()))
    names: list[str] = []
    is_group = False
    for file in files:
        for key, found in _NAMED.findall(file.read_bytes()):
            named = found.decode(errors="replace")
            if key == b"task":
                if named == name:
                    return file, names, False
                names.append(named)
            is_group |= key == b"group" and named == name
    return None, names, is_group


def task_file(name: str, own: Path | None, packaged: Path) -> Path:
    """Return the file of a task, of a person's own folder before those of lm-eval.

    Raises `InputError` for a name that there is not, for a group of tasks, and for a file of the own folder that names
    code.
    """
    names: list[str] = []
    if own is not None:
        if not own.is_dir():
            raise InputError(f'task "lm-eval:{name}", option include_path: {own}: no such folder')
        file, names, _ = find_task(name, own)
        if file is not None:
            refuse_code(file, own)
            return file
    file, others, is_group = find_task(name, packaged)
    if file is not None:
        return file
    if is_group:
        raise InputError(f'task "lm-eval:{name}" is a group of tasks in lm-eval; name its tasks one by one')
    raise InputError(
        f'unknown task "lm-eval:{name}"{nearest(name, [*names, *others])}; "lm-eval ls tasks" lists those of lm-eval, '
        "and the option include_path names a folder with your own"
    )


def refuse_code(file: Path, folder: Path, included_by: tuple[Path, ...] = ()) -> None:
    """Raise `InputError` where a task's file, or one that it includes, names code or lies outside of its folder.

    Code is a tag such as `!function`, a key such as `class`, and a metric that lm-eval would download. `included_by`
    are the files through which this one was reached.
    """
    import yaml

    if file.resolve() in included_by:
        raise InputError(f"{file}: includes itself")
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{file}: lies outside of {folder}, the option include_path")
    try:
        with file.open("rb") as opened:
            for event in yaml.parse(opened, Loader=yaml.SafeLoader):
                tag = getattr(event, "tag", None)
                if tag not in {None, "!"} and (not tag.startswith(_PLAIN_TAG) or "python" in tag):
                    raise InputError(f"{file}: {_code(tag)}")
        config = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{file}: cannot be read: {one_line(error)}") from None
    if not isinstance(config, dict):
        raise InputError(f"{file}: a task's file must hold keys and values")
    for key in _RUNS_CODE:
        if config.get(key):
            raise InputError(f"{file}: {_code(key)}")
    _refuse_metrics(file, config.get("metric_list") or [])
    included = config.get("include") or []
    for other in included if isinstance(included, list) else [included]:
        refuse_code(file.parent / str(other), folder, (*included_by, file.resolve()))


def _refuse_metrics(file: Path, listed: Any) -> None:
    from lm_eval.api import metrics  # noqa: F401 # fills the registry
    from lm_eval.api.registry import metric_registry

    for one in listed if isinstance(listed, list) else []:
        name = one.get("metric") if isinstance(one, dict) else one
        if name not in metric_registry or (isinstance(one, dict) and one.get("hf_evaluate")):
            raise InputError(f'{file}: metric "{name}" is none of lm-eval\'s own, and its code would be downloaded')


def _code(what: str) -> str:
    return f"{what} names code, which a study does not run; only tasks that come with lm-eval may have code"


def _yaml_files(folder: Path) -> Iterator[Path]:
    for inside, _, files in os.walk(folder):
        yield from (Path(inside, file) for file in files if file.endswith(".yaml"))
