"""Image-text models of a few thousand parameters, of five classes of transformers, with their processors."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from paretune.models.processor import without_videos
from paretune.models.progress import without_bars
from paretune.models.toy import seeded, toy_tokenizer

SIDE_PIXELS = 32
PATCH_PIXELS = 8
_WIDTH = 32
_TEXT: dict[str, Any] = {
    "hidden_size": _WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 1024,
    "initializer_range": 0.1,
}
_VISION: dict[str, Any] = {
    "hidden_size": _WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE_PIXELS,
    "patch_size": PATCH_PIXELS,
    "initializer_range": 0.1,
}
_SQUARE = {"height": SIDE_PIXELS, "width": SIDE_PIXELS}
_NUM_PATCHES = (SIDE_PIXELS // PATCH_PIXELS) ** 2


class Toy(NamedTuple):
    """A model and its processor."""

    model: Any
    processor: Any


def llava() -> Toy:
    """CLIP, a projector of two layers, and a Llama."""
    from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = _tokenizer("<image>")
    images = CLIPImageProcessorPil(size={"shortest_edge": SIDE_PIXELS}, crop_size=_SQUARE)
    processor = LlavaProcessor(
        images, tokenizer, patch_size=PATCH_PIXELS, vision_feature_select_strategy="default",
        num_additional_image_tokens=1, chat_template=_template("<image>"),
    )  # fmt: skip
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **_VISION},
        text_config={"model_type": "llama", **_TEXT, **_ids(tokenizer)},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-2,
    )
    return _toy(LlavaForConditionalGeneration, config, processor)


def qwen() -> Toy:
    """Qwen2.5-VL: pictures as patches in rows of any number, positions in three dimensions."""
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessorPil,
    )

    tokenizer = _tokenizer("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    images = Qwen2VLImageProcessorPil(patch_size=PATCH_PIXELS, merge_size=2, min_pixels=256, max_pixels=4096)
    picture = "<|vision_start|><|image_pad|><|vision_end|>"
    processor = without_videos(Qwen2_5_VLProcessor)(images, tokenizer, chat_template=_template(picture))
    vision = {
        "depth": 2, "hidden_size": _WIDTH, "intermediate_size": 64, "num_heads": 4, "patch_size": PATCH_PIXELS,
        "spatial_merge_size": 2, "out_hidden_size": _WIDTH, "window_size": 32, "fullatt_block_indexes": [1],
        "initializer_range": 0.1,
    }  # fmt: skip
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    names = {"vision_start": "<|vision_start|>", "vision_end": "<|vision_end|>", "image": "<|image_pad|>"}
    names["video"] = "<|video_pad|>"
    config = Qwen2_5_VLConfig(
        vision_config=vision,
        text_config={**_TEXT, **_ids(tokenizer), "rope_parameters": rope},
        **{f"{name}_token_id": tokenizer.convert_tokens_to_ids(token) for name, token in names.items()},
    )
    return _toy(Qwen2_5_VLForConditionalGeneration, config, processor)


def idefics() -> Toy:
    """Idefics3, the class that SmolVLM is built as: pixels are shuffled into fewer tokens."""
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
    )

    tokenizer = _tokenizer("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    side = {"longest_edge": SIDE_PIXELS}
    images = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    processor = Idefics3Processor(
        images, tokenizer, image_seq_len=_NUM_PATCHES // 4, chat_template=_template("<image>")
    )
    config = Idefics3Config(
        vision_config=_VISION,
        text_config={"model_type": "llama", **_TEXT, **_ids(tokenizer)},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    return _toy(Idefics3ForConditionalGeneration, config, processor)


def paligemma() -> Toy:
    """PaliGemma: SigLIP and a Gemma that looks at its whole prompt from every place of it. No chat template."""
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    tokenizer = _tokenizer("<image>")
    images = SiglipImageProcessorPil(size=_SQUARE, image_seq_length=_NUM_PATCHES)
    images.image_seq_length = _NUM_PATCHES
    processor = PaliGemmaProcessor(images, tokenizer)
    config = PaliGemmaConfig(
        vision_config={"model_type": "siglip_vision_model", **_VISION, "projection_dim": _WIDTH,
                       "vision_use_head": False},
        text_config={"model_type": "gemma", **_TEXT, **_ids(processor.tokenizer)},
        image_token_index=processor.tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=_WIDTH,
        hidden_size=_WIDTH,
        tie_word_embeddings=False,
    )  # fmt: skip
    return _toy(PaliGemmaForConditionalGeneration, config, processor)


def gemma3() -> Toy:
    """Gemma 3: a projector with a bare parameter, sliding windows, and pictures that look at themselves both ways."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    named = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    bare = _tokenizer(*named.values())
    special = {name: getattr(bare, name) for name in ("pad_token", "eos_token", "bos_token", "unk_token")}
    tokenizer = type(bare)(tokenizer_object=bare.backend_tokenizer, extra_special_tokens=named, **special)
    images = Gemma3ImageProcessorPil(size=_SQUARE)
    processor = Gemma3Processor(images, tokenizer, image_seq_length=4, chat_template=_template("<start_of_image>"))
    config = Gemma3Config(
        vision_config={"model_type": "siglip_vision_model", **_VISION, "vision_use_head": False},
        text_config={"model_type": "gemma3_text", **_TEXT, **_ids(tokenizer), "sliding_window": 512,
                     "layer_types": ["sliding_attention", "full_attention"]},
        image_token_id=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        mm_tokens_per_image=4,
        initializer_range=0.1,
    )  # fmt: skip
    toy = _toy(Gemma3ForConditionalGeneration, config, processor)
    with seeded():  # it begins as zeros, through which no picture is seen
        torch.nn.init.normal_(toy.model.model.multi_modal_projector.mm_input_projection_weight, std=0.1)
    return toy


TOYS: Mapping[str, Callable[[], Toy]] = MappingProxyType({
    "llava": llava, "qwen": qwen, "idefics": idefics, "paligemma": paligemma, "gemma3": gemma3,
})  # fmt: skip


def saved(name: str, folder: Path) -> str:
    """Write a toy into a folder as a person would, and return its reference."""
    model, processor = TOYS[name]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return f"path:{folder}"


def _toy(model_class: Any, config: Any, processor: Any) -> Toy:
    with seeded(), without_bars():
        return Toy(model_class(config).eval(), processor)


def _tokenizer(*special: str) -> Any:
    tokenizer = toy_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    return tokenizer


def _ids(tokenizer: Any) -> dict[str, int]:
    return {
        "vocab_size": -(-len(tokenizer) // 8) * 8,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }


def _template(picture: str) -> str:
    """Return a chat template that shows turns as "U: ...", with the tokens of a picture where it stands."""
    return (
        "{% for message in messages %}{{ message['role'][0] | upper }}: "
        "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}" + picture + "{% else %}"
        "{{ part['text'] }}{% endif %}{% endfor %}{% endif %}{{ '<eos>' }}{% endfor %}"
        "{% if add_generation_prompt %}A: {% endif %}"
    )
