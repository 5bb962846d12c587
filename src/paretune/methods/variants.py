"""Methods under options that change what they are, as papers and peft's comparison use them. Pure data.

Every variant is a method with parameters, as a study would write it. Those that have a preset of their own (DoRA,
PiSSA, EVA and so on) are in `presets`. Layer names are those of Llama-like models.
"""

from typing import Any, NamedTuple


class Variant(NamedTuple):
    """A preset's name, what differs from it, and why one would want that."""

    label: str
    method: str
    parameters: dict[str, Any]
    description: str


_ATTENTION = ["q_proj", "v_proj"]
_EMBEDDINGS, _HEAD = "embed_tokens", "lm_head"
_FEED_FORWARD = ["gate_proj", "up_proj", "down_proj"]

VARIANTS = (
    Variant("lora-attention", "lora", {"target_modules": _ATTENTION}, "LoRA on queries and values, as in the paper."),
    Variant("lora-feed-forward", "lora", {"target_modules": _FEED_FORWARD}, "LoRA on the feed-forward layers only."),
    Variant("lora-bias", "lora", {"bias": "lora_only"}, "Trains the biases of adapted layers along."),
    Variant("lora-b-bias", "lora", {"lora_bias": True}, "Gives the second matrix a bias."),
    Variant("lora-gaussian", "lora", {"init_lora_weights": "gaussian"}, "The first matrix is normally distributed."),
    Variant("lora-orthogonal", "lora", {"init_lora_weights": "orthogonal"}, "Starts from orthogonal matrices."),
    Variant("lora-random", "lora", {"init_lora_weights": False}, "Starts with both matrices random: not a no-op."),
    Variant("lora-dropout", "lora", {"lora_dropout": 0.1}, "Drops a tenth of the adapter's inputs."),
    Variant("lora-tokens", "lora", {"trainable_token_indices": [5, 6, 7]}, "Trains some tokens along."),
    Variant(
        "lora-tokens-tying", "lora", {"trainable_token_indices": [5, 6, 7], "ensure_weight_tying": True},
        "Trains some tokens along, and keeps tied embeddings tied.",
    ),
    Variant("lora-head", "lora", {"target_modules": [*_ATTENTION, _HEAD]}, "LoRA on the output embeddings as well."),
    Variant(
        "lora-embeddings", "lora", {"target_modules": [*_ATTENTION, _EMBEDDINGS]},
        "LoRA on the input embeddings as well.",
    ),
    Variant(
        "lora-embeddings-head", "lora", {"target_modules": [*_ATTENTION, _EMBEDDINGS, _HEAD]},
        "LoRA on input and output embeddings as well.",
    ),
    Variant(
        "lora-embeddings-tying", "lora",
        {"target_modules": [*_ATTENTION, _EMBEDDINGS], "ensure_weight_tying": True},
        "LoRA on the input embeddings as well, and tied embeddings share it.",
    ),
    Variant("lora-saved-head", "lora", {"modules_to_save": [_HEAD]}, "Trains the output embeddings as a whole."),
    Variant(
        "lora-saved-embeddings", "lora", {"modules_to_save": [_EMBEDDINGS]}, "Trains the input embeddings as a whole."
    ),
    Variant(
        "lora-saved-embeddings-head", "lora", {"modules_to_save": [_EMBEDDINGS, _HEAD]},
        "Trains input and output embeddings as a whole.",
    ),
    Variant(
        "lora-saved-embeddings-tying", "lora", {"modules_to_save": [_EMBEDDINGS], "ensure_weight_tying": True},
        "Trains the input embeddings as a whole, and keeps tied embeddings tied.",
    ),
    Variant(
        "lora-parameters", "lora", {"target_modules": [], "target_parameters": ["q_proj.weight"]},
        "Adapts parameters by their name instead of layers, for experts that are not linear layers.",
    ),
    Variant(
        "lora-layer-replication", "lora", {"layer_replication": [[0, 2], [1, 2]]},
        "Repeats layers of the base, each with an adapter of its own.",
    ),
    Variant("pissa-fast", "pissa", {"init_lora_weights": "pissa_niter_4"}, "PiSSA with an approximate decomposition."),
    Variant("corda-knowledge", "corda", {"corda_config": {"corda_method": "kpm"}}, "Keeps what the base knows."),
    Variant("adamss-asa", "adamss", {"use_asa": True, "asa_target_subspaces": 20}, "Takes subspaces away in training."),
    Variant("boft-butterfly", "boft", {"boft_n_butterfly_factor": 2}, "Two butterfly factors."),
    Variant("c3a-random", "c3a", {"init_weights": False}, "Starts from random values: not a no-op."),
    Variant("deft-qr", "deft", {"decomposition_method": "qr"}, "DEFT with an orthogonal projection."),
    Variant("deft-para", "deft", {"para": True}, "DEFT whose removed and added parts share a matrix."),
    Variant("frod-offload", "frod", {"runtime_offload_base_weight": True}, "Keeps base weights off the device."),
    Variant("glora-vector", "glora", {"config_A_B": "vector", "config_C": "vector"}, "Vectors instead of matrices."),
    Variant(
        "lily-feed-forward", "lily", {"target_modules": _FEED_FORWARD},
        "Lily on the feed-forward layers, first in peft's comparison.",
    ),
    Variant("miss-bat", "miss", {"init_weights": "bat"}, "MiSS whose update also depends on the weight."),
    Variant("miss-mini", "miss", {"init_weights": "mini", "mini_r": 4}, "MiSS with fewer trainable values."),
    Variant("oft-blocks", "oft", {"r": 4, "oft_block_size": 0}, "OFT with a number of blocks instead of their size."),
    Variant("oft-exact", "oft", {"use_cayley_neumann": False}, "OFT with the exact Cayley transform."),
    Variant("peanut-deep", "peanut", {"depth": 2}, "PEANuT with two more layers."),
    Variant("psoft-fast", "psoft", {"psoft_svd": "lowrank", "use_cayley_neumann": True}, "PSOFT by approximations."),
    Variant("road-one", "road", {"variant": "road_1"}, "RoAd with one rotation and scale for a pair of outputs."),
    Variant("supertuning-smallest", "supertuning", {"select_top": False}, "Trains the smallest weights instead."),
    Variant("supertuning-supra", "supertuning", {"r": 8, "lora_alpha": 16}, "Supertuning with LoRA on top."),
    Variant("tinylora-tied", "tinylora", {"weight_tying": 1.0}, "One tiny vector for all layers."),
    Variant("prompt-tuning-random", "prompt-tuning", {"prompt_tuning_init": "RANDOM"}, "Starts anywhere."),
    Variant(
        "p-tuning-lstm", "p-tuning", {"encoder_reparameterization_type": "LSTM"},
        "P-tuning through a recurrent network, as in the paper.",
    ),
    Variant("prefix-tuning-random", "prefix-tuning", {"init_weights": None}, "Starts from random keys and values."),
    Variant(
        "prefix-tuning-projection", "prefix-tuning",
        {"init_weights": None, "prefix_projection": True, "encoder_hidden_size": 64},
        "Learns keys and values through a small network, as in the paper.",
    ),
    Variant(
        "prefix-tuning-text", "prefix-tuning",
        {"num_virtual_tokens": 8, "start_text": "You are good at sums. Think step by step, then give the result."},
        "Starts as the keys and values of a text.",
    ),
    Variant(
        "cartridge-text", "cartridge",
        {"num_virtual_tokens": 8, "start_text": "You are good at sums. Think step by step, then give the result."},
        "Starts as the keys and values of a text.",
    ),
)  # fmt: skip
