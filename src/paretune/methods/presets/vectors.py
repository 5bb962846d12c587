"""Methods that learn a few vectors. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import scaled

PRESETS = (
    Preset(
        name="ia3", family="vectors", implementation="ia3", peft_type="IA3",
        description="Scales keys, values and the inner activations of the feed-forward layers by learned vectors.",
        prior_learning_rate=2e-2, prior_source="Measured on a small image model; peft's comparison uses up to 5e-3.",
        arxiv="2205.05638", year=2022,
        title="Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning",
    ),
    Preset(
        name="vera", family="vectors", implementation="peft", peft_type="VERA",
        parameters={"r": 256, "target_modules": "all-linear"},
        description="Learns two scaling vectors around one pair of frozen random matrices that all layers share.",
        prior_learning_rate=2e-2,
        prior_source="Ten times LoRA's, as in peft's comparison.", arxiv="2310.11454", year=2023,
        title="VeRA: Vector-based Random Matrix Adaptation",
    ),
    Preset(
        name="pvera", family="vectors", implementation="peft", peft_type="PVERA",
        parameters={"r": 256, "target_modules": "all-linear"},
        description="VeRA whose scaling vectors are drawn from a learned distribution.",
        prior_learning_rate=6e-2, prior_source=scaled("3e-3"), arxiv="2512.07703", year=2025,
        title="PVeRA: Probabilistic Vector-Based Random Matrix Adaptation",
    ),
    Preset(
        name="vblora", family="vectors", implementation="peft", peft_type="VBLORA",
        parameters={"r": 4, "num_vectors": 256, "vector_length": 32, "target_modules": "all-linear"},
        description="Composes low-rank matrices from a bank of vectors that all layers share.",
        prior_learning_rate=1e-2, prior_source="Five times LoRA's, as in peft's comparison.",
        arxiv="2405.15179", year=2024,
        title="VB-LoRA: Extreme Parameter Efficient Fine-Tuning with Vector Banks",
    ),
    Preset(
        name="unilora", family="vectors", implementation="peft", peft_type="UNILORA",
        parameters={"r": 4, "theta_d_length": 256, "target_modules": "all-linear"},
        description="Makes all low-rank matrices of the model out of one short vector.",
        prior_learning_rate=2e-2,
        prior_source="A guess: few parameters want a high rate; peft's comparison learns nothing at 1e-4.",
        arxiv="2506.00799", year=2025,
        title="Uni-LoRA: One Vector Is All You Need",
    ),
    Preset(
        name="tinylora", family="vectors", implementation="peft", peft_type="TINYLORA",
        parameters={"r": 2, "u": 64, "target_modules": "all-linear"},
        description="Makes the update of each weight out of a tiny vector and its largest singular directions.",
        prior_learning_rate=2e-2, prior_source=scaled("1e-3"), arxiv="2602.04118", year=2026,
        title="Learning to Reason in 13 Parameters",
    ),
    Preset(
        name="beft", family="vectors", implementation="beft", peft_type="BEFT",
        description="Learns a bias on the value projections, and nothing else.",
        prior_learning_rate=1e-2, prior_source="A guess: few parameters want a high rate; not measured.",
        arxiv="2509.15974", year=2025,
        title="BEFT: Bias-Efficient Fine-Tuning of Language Models in Low-Data Regimes",
    ),
    Preset(
        name="ln-tuning", family="vectors", implementation="ln-tuning", peft_type="LN_TUNING",
        description="Trains the weights of the normalisation layers.",
        prior_learning_rate=5e-3, prior_source="A guess: few parameters want a high rate; not measured.",
        arxiv="2312.11420", year=2023,
        title="Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM Finetuning",
    ),
)  # fmt: skip
