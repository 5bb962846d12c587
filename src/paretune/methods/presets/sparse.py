"""Methods that learn a few entries of the weights, or of their transform. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import GUESS, scaled

PRESETS = (
    Preset(
        name="fourierft", family="sparse", implementation="peft", peft_type="FOURIERFT",
        parameters={"n_frequency": 1000, "scaling": 150.0, "target_modules": "all-linear"},
        description="Learns a few coefficients of the update's Fourier transform.",
        prior_learning_rate=1e-2, prior_source="A guess near the paper's rates; not measured.",
        arxiv="2405.03003", year=2024,
        title="Parameter-Efficient Fine-Tuning with Discrete Fourier Transform",
    ),
    Preset(
        name="waveft", family="sparse", implementation="peft", peft_type="WAVEFT",
        parameters={"n_frequency": 1000, "target_modules": "all-linear"},
        description="Learns a few coefficients of the update's wavelet transform.",
        prior_learning_rate=1e-2, prior_source=GUESS, arxiv="2505.12532", year=2025,
        title="Exploring Sparsity for Parameter Efficient Fine Tuning Using Wavelets",
    ),
    Preset(
        name="c3a", family="sparse", implementation="peft", peft_type="C3A",
        parameters={"block_size": 32, "target_modules": "all-linear"},
        description="Adds block-circulant matrices, each held as one vector.",
        prior_learning_rate=0.3, prior_source="The rate of peft's comparison.", arxiv="2407.19342", year=2024,
        title="Parameter-Efficient Fine-Tuning via Circular Convolution",
    ),
    Preset(
        name="shira", family="sparse", implementation="peft", peft_type="SHIRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Trains one random small share of the weights themselves.",
        prior_learning_rate=1e-3, prior_source="Between full fine-tuning's and LoRA's; peft's comparison uses 3e-4.",
        arxiv="2406.13175", year=2024,
        title="Sparse High Rank Adapters",
    ),
    Preset(
        name="frod", family="sparse", implementation="peft", peft_type="FROD",
        parameters={"sparse_rate": 0.01, "progressbar": False},
        description="Trains the diagonal and a few random entries between bases that similar layers share.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"),
        paper="https://doi.org/10.1609/aaai.v40i31.39813", year=2026,
        title="Full-Rank Efficient Fine-Tuning with Rotational Degrees",
    ),
    Preset(
        name="supertuning", family="sparse", implementation="peft", peft_type="SUPERTUNING",
        parameters={"sparsity": 0.99, "target_modules": "all-linear"},
        description="Trains the one percent of the weights that are largest.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2607.09287", year=2026,
        title="Super-Tuning: From Activation-Aware Pruning to Sparse Fine-Tuning",
    ),
)  # fmt: skip
