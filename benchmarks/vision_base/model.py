"""The small image-text model before training, and its processor."""

from collections.abc import Iterable
from typing import Any

from paretune.models.processor import without_videos
from paretune.tasks.drawn_shapes import SIDE_PIXELS

PATCH_PIXELS = 12
SHUFFLED = 2
"""So many patches in each direction become one token of the language tower."""
NUM_IMAGE_TOKENS = (SIDE_PIXELS // PATCH_PIXELS // SHUFFLED) ** 2
VOCABULARY = 768
MAX_POSITIONS = 512
PAD, EOS = "<pad>", "<eos>"
IMAGE, AROUND, GLOBAL, END = "<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>"


def build_processor(texts: Iterable[str]) -> Any:
    """Return a processor whose tokens are made from texts: pairs of bytes that occur together."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Idefics3ImageProcessorPil, Idefics3Processor, PreTrainedTokenizerFast

    bytes_pairs = Tokenizer(models.BPE())
    bytes_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_pairs.decoder = decoders.ByteLevel()
    special = [PAD, EOS, IMAGE, AROUND, GLOBAL, END]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    bytes_pairs.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_pairs, pad_token=PAD, eos_token=EOS, model_max_length=MAX_POSITIONS,
        padding_side="left", clean_up_tokenization_spaces=False,
    )  # fmt: skip
    side = {"longest_edge": SIDE_PIXELS}
    images = Idefics3ImageProcessorPil(size=side, max_image_size=side, do_image_splitting=False)
    return without_videos(Idefics3Processor)(images, tokenizer, image_seq_len=NUM_IMAGE_TOKENS)


def build_model(tokenizer: Any) -> Any:
    """Return the untrained model: Idefics3, the class that SmolVLM is of, with 1.4 million parameters."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration

    config = Idefics3Config(
        vision_config={
            "hidden_size": 96, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
            "image_size": SIDE_PIXELS, "patch_size": PATCH_PIXELS,
        },
        text_config={
            "model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": 128, "intermediate_size": 384,
            "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 32,
            "max_position_embeddings": MAX_POSITIONS, "tie_word_embeddings": True,
            "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id, "bos_token_id": None,
        },
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        scale_factor=SHUFFLED,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = Idefics3ForConditionalGeneration(config)
    draw_positions(model)
    return model


def draw_positions(model: Any) -> None:
    """Draw the vision tower's vectors for positions anew, as large as those of patches.

    transformers draws them with a standard deviation of 0.1, next to patches of 3.4: after 1,400 steps 0.08% of the
    variance of image tokens was that of positions, and places were hardly learnt.
    """
    model.model.vision_model.embeddings.position_embedding.weight.data.normal_(std=1.5)
