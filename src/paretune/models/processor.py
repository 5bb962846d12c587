"""What turns pictures and text into the inputs of an image-text model: transformers' processors."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from paretune.models.hub import hub_folder
from paretune.models.progress import without_remarks
from paretune.models.reference import Reference, parse
from paretune.models.shapes import FROM_HUB, ModelShape, config_object, find_shape
from paretune.models.tokenizer import settle_tokenizer
from paretune.spec import InputError, one_line

_FILES = ("processor_config.json", "preprocessor_config.json")


class PictureTokenizer:
    """The tokenizer of a processor, which has the processor's chat template: it shows a picture before all words.

    It is called as the tokenizer is, and has all that the tokenizer has.
    """

    def __init__(self, processor: Any, *, shows_picture: bool = True) -> None:
        """`shows_picture` says whether the template shows a picture: not for questions that are text alone."""
        self.processor = processor
        self._shows_picture = shows_picture

    def without_pictures(self) -> "PictureTokenizer":
        """Return the same for conversations that are text alone."""
        return PictureTokenizer(self.processor, shows_picture=False)

    def __getattr__(self, name: str) -> Any:
        if name == "processor":  # not there yet, as while it is copied
            raise AttributeError(name)
        return getattr(self.processor.tokenizer, name)

    def __len__(self) -> int:
        return len(self.processor.tokenizer)

    def __call__(self, *texts: Any, **settings: Any) -> Any:
        return self.processor.tokenizer(*texts, **settings)

    @property
    def chat_template(self) -> str | None:
        """The processor's own template, which knows pictures."""
        template: str | None = self.processor.chat_template
        return template

    @property
    def picture_token(self) -> str:
        """What stands for a picture in a text that is given to the processor."""
        token: str = self.processor.image_token
        return token

    def apply_chat_template(self, messages: Iterable[Mapping[str, str]], **settings: Any) -> Any:
        """Return a conversation as the template shows it, a picture at the start of the first question."""
        turns, places = [], iter(["image"] if self._shows_picture else [])
        for message in messages:
            parts: list[dict[str, str]] = [{"type": "text", "text": message["content"]}]
            if message["role"] == "user":
                parts = [{"type": place} for place in places] + parts
            turns.append({"role": message["role"], "content": parts})
        return self.processor.apply_chat_template(turns, **settings)


def read_processor(parsed: Reference, folder: Path) -> PictureTokenizer:
    """Return the tokenizer of the processor in a folder. It pads on the left and has a pad token.

    Videos are left out: what reads them needs packages that pictures do not need. Raises `InputError` for a model that
    has no processor of pictures and text, and when its files cannot be read.
    """
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    where = f'base model "{parsed.text}"'
    try:
        config = config_object(find_shape(str(folder)).config)
        if type(config) not in PROCESSOR_MAPPING:
            raise InputError(f"{where}: transformers has no processor for its model_type {config.model_type}")
        with without_remarks():
            processor: Any = without_videos(PROCESSOR_MAPPING[type(config)]).from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
    except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{where}: the processor in {folder} cannot be read: {one_line(error)[:200]}; save it there with "
            "processor.save_pretrained, or fetch the model again"
        ) from None
    settle_tokenizer(parsed, folder, processor.tokenizer)
    return PictureTokenizer(processor)


def processor_of(shape: ModelShape) -> PictureTokenizer:
    """Return the processor that lies with a model's configuration, or on the hub. No weights are fetched.

    Raises `InputError` where there is none, and as `read_processor` does.
    """
    name, folder = shape.name, shape.folder
    if shape.source in FROM_HUB and not _has_processor(folder):
        named = parse(name if name.startswith("hub:") else f"hub:{name}@main")
        folder = hub_folder(named, weights=False)
    if folder is None or not _has_processor(folder):
        raise InputError(
            f'model "{name}": no processor ({" or ".join(_FILES)}) next to its configuration, so the tokens of an '
            "image are unknown; give the folder of a whole model (its weights may be missing)"
        )
    return read_processor(Reference("path", str(folder), None, name), folder)


def _has_processor(folder: Path | None) -> bool:
    return folder is not None and any((folder / file).is_file() for file in _FILES)


def without_videos(processor_class: Any) -> Any:
    """Return a class of processors as one that is made of all parts but those that read videos."""

    class Pictures(processor_class):  # type: ignore[misc] # transformers is not typed
        @classmethod
        def get_attributes(cls) -> list[str]:
            return [name for name in super().get_attributes() if "video" not in name]

    Pictures.__name__ = processor_class.__name__
    return Pictures
