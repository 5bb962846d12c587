"""A FLUX.2-klein pipeline of toy sizes, all of its parts real: transformer, autoencoder, text encoder, schedule."""

from pathlib import Path
from typing import Any

from paretune.models.progress import without_bars
from paretune.models.toy import seeded

NUM_TEXT_LAYERS = 31
"""As many as the settings of published studies name layers for."""
_TEXT_WIDTH = 16
_TEXT_STATES = 3
_LATENT_CHANNELS = 4
_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def save_toy_klein(folder: Path) -> None:
    """Write the pipeline into a folder, as diffusers would. It has the same weights every time.

    Its captions are read letter by letter, its latents are an eighth of the picture's side, its transformer has one
    double and two single blocks of width 32.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline

    with seeded(), without_bars():
        pipeline = Flux2KleinPipeline(
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
            vae=_autoencoder(),
            text_encoder=_text_encoder(),
            tokenizer=_tokenizer(),
            transformer=_transformer(),
        )
        pipeline.save_pretrained(str(folder), safe_serialization=True)


def _transformer() -> Any:
    from diffusers import Flux2Transformer2DModel

    return Flux2Transformer2DModel(
        patch_size=1,
        in_channels=4 * _LATENT_CHANNELS,
        num_layers=1,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=_TEXT_STATES * _TEXT_WIDTH,
        timestep_guidance_channels=32,
        mlp_ratio=2.0,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )


def _autoencoder() -> Any:
    import torch
    from diffusers import AutoencoderKLFlux2

    autoencoder = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        latent_channels=_LATENT_CHANNELS,
        norm_num_groups=4,
        mid_block_add_attention=False,
    )
    statistics = autoencoder.bn  # otherwise a wrong normalisation would go unseen
    statistics.running_mean.copy_(torch.linspace(-0.2, 0.2, len(statistics.running_mean)))
    statistics.running_var.copy_(torch.linspace(0.5, 2.0, len(statistics.running_var)))
    return autoencoder


def _text_encoder() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=160,
        hidden_size=_TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=NUM_TEXT_LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=512,
    )
    return Qwen3ForCausalLM(config)


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import Qwen2TokenizerFast

    letters = {"<|endoftext|>": 0, **{chr(code): code - 31 for code in range(32, 127)}}
    bare = Tokenizer(models.WordLevel(letters, unk_token="<|endoftext|>"))
    bare.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    bare.decoder = decoders.Fuse()
    tokenizer = Qwen2TokenizerFast(
        tokenizer_object=bare, unk_token="<|endoftext|>", eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    tokenizer.chat_template = _TEMPLATE
    return tokenizer
