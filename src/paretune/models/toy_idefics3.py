"""A model of images and text of a few thousand parameters with its processor, built in memory."""

from typing import Any

from paretune.models.processor import PictureTokenizer
from paretune.models.progress import without_bars
from paretune.models.toy import seeded, toy_tokenizer

SIDE_PIXELS = 32
"""Height and width of an image as the model reads it: sixteen patches, which become four tokens."""
_PATCH_PIXELS = 8
_SHUFFLE = 2
"""Patches of so many rows and columns become one token."""
_NUM_TOKENS = (SIDE_PIXELS // _PATCH_PIXELS // _SHUFFLE) ** 2
_PICTURE = "<image>"
_SPECIAL = (_PICTURE, "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
_TEMPLATE = (
    "{% for message in messages %}{{ message['role'][0] | upper }}: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{{ '<eos>' }}{% endfor %}{% if add_generation_prompt %}A: {% endif %}"
)
_LAYERS = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}


def toy_idefics3(spread: float = 0.02) -> Any:
    """Return an Idefics3, the class that SmolVLM is built as, in float32, the same every time.

    No parameter of it is left unused, as the last layers of a LLaVA's vision tower are. `spread` is the standard
    deviation of its weights, as in `toy_model`, and of its biases: they are zero in a new model, but in no trained one.
    The generators of the caller are left as they were.
    """
    import torch
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    tokenizer = toy_picture_tokenizer()
    ids = {name: getattr(tokenizer, name) for name in ("pad_token_id", "eos_token_id", "bos_token_id")}
    config = Idefics3Config(
        vision_config={
            **_LAYERS, "image_size": SIDE_PIXELS, "patch_size": _PATCH_PIXELS, "initializer_range": spread,
        },
        text_config={
            "model_type": "llama", **_LAYERS, **ids, "num_key_value_heads": 2, "max_position_embeddings": 1024,
            "initializer_range": spread, "vocab_size": len(tokenizer),
        },
        image_token_id=tokenizer.convert_tokens_to_ids(_PICTURE),
        scale_factor=_SHUFFLE,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=spread,
        tie_word_embeddings=False,
        architectures=["Idefics3ForConditionalGeneration"],
        attn_implementation="sdpa",
        dtype="float32",
    )  # fmt: skip
    with seeded(), without_bars():
        model = Idefics3ForConditionalGeneration(config).eval()
        for name, parameter in model.named_parameters():
            if name.endswith(".bias"):
                torch.nn.init.normal_(parameter, std=spread)
    return model


def toy_picture_tokenizer() -> PictureTokenizer:
    """Return the tokenizer of the toy's processor: that of the other toys, with the tokens of an image."""
    from transformers import Idefics3ImageProcessorPil, Idefics3Processor

    tokenizer = toy_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(_SPECIAL)})
    side = {"longest_edge": SIDE_PIXELS}
    images = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    return PictureTokenizer(Idefics3Processor(images, tokenizer, image_seq_len=_NUM_TOKENS, chat_template=_TEMPLATE))
