"""Methods that rotate or reflect weights. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import scaled

PRESETS = (
    Preset(
        name="oft", family="rotations", implementation="peft", peft_type="OFT",
        parameters={"oft_block_size": 32, "target_modules": "all-linear"},
        description="Rotates blocks of the inputs of every linear layer.",
        prior_learning_rate=3e-4,
        prior_source="Measured on SmolLM2-135M: lower validation loss after 16 steps than at 1e-4 and 1e-3.",
        arxiv="2306.07280", year=2023,
        title="Controlling Text-to-Image Diffusion by Orthogonal Finetuning",
    ),
    Preset(
        name="boft", family="rotations", implementation="peft", peft_type="BOFT",
        parameters={"boft_block_size": 4, "target_modules": "all-linear"},
        description="Rotations made of small blocks in butterfly order.",
        prior_learning_rate=3e-3, prior_source="What suited OFT on a small image model; not measured.",
        arxiv="2311.06243", year=2023,
        title="Parameter-Efficient Orthogonal Finetuning via Butterfly Factorization",
    ),
    Preset(
        name="hra", family="rotations", implementation="peft", peft_type="HRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Reflects the inputs of every linear layer in a few learned mirrors.",
        prior_learning_rate=3e-3, prior_source="What suited OFT on a small image model; not measured.",
        arxiv="2405.17484", year=2024,
        title="Bridging The Gap between Low-rank and Orthogonal Adaptation via Householder Reflection Adaptation",
    ),
    Preset(
        name="road", family="rotations", implementation="peft", peft_type="ROAD",
        parameters={"variant": "road_2", "group_size": 32, "target_modules": "all-linear"},
        description="Rotates and scales pairs of outputs of every linear layer.",
        prior_learning_rate=1e-2, prior_source="Above LoRA's; peft's comparison uses ten times LoRA's.",
        arxiv="2409.00119", year=2024,
        title="3-in-1: 2D Rotary Adaptation for Efficient Finetuning, Efficient Batching and Composability",
    ),
    Preset(
        name="psoft", family="rotations", implementation="peft", peft_type="PSOFT",
        parameters={"r": 32, "target_modules": "all-linear"},
        description="Rotates the weights inside their principal subspace.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2505.11235", year=2025,
        title="Efficient Orthogonal Fine-Tuning with Principal Subspace Adaptation",
    ),
)  # fmt: skip
