"""Updates of low rank, and products of small matrices, in other forms than LoRA's. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import GUESS, scaled

PRESETS = (
    Preset(
        name="adalora", family="low rank", implementation="adalora", peft_type="ADALORA",
        parameters={"init_r": 12, "target_r": 8, "lora_alpha": 32, "target_modules": "all-linear"},
        description="LoRA in singular-value form that takes rank from the layers that need it least while training.",
        prior_learning_rate=5e-3, prior_source="Above LoRA's, because small factors multiply; not measured.",
        arxiv="2303.10512", year=2023,
        title="AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning",
    ),
    Preset(
        name="adamss", family="low rank", implementation="adamss", peft_type="ADAMSS",
        parameters={"num_subspaces": 5, "subspace_rank": 1},
        description="Clusters the weights' singular directions and learns a small update in each cluster.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"),
        paper="https://openreview.net/forum?id=8ZdWmpYxT0", year=2025,
        title="AdaMSS: Adaptive Multi-Subspace Approach for Parameter-Efficient Fine-Tuning",
    ),
    Preset(
        name="randlora", family="low rank", implementation="peft", peft_type="RANDLORA",
        parameters={"r": 8, "randlora_alpha": 160, "target_modules": "all-linear"},
        description="A full-rank update made of fixed random low-rank pieces with learned scales.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2502.00987", year=2025,
        title="RandLoRA: Full-rank parameter-efficient fine-tuning of large models",
    ),
    Preset(
        name="delora", family="low rank", implementation="peft", peft_type="DELORA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="LoRA with normalised directions and one learned, bounded strength per layer.",
        prior_learning_rate=1e-2, prior_source="Five times LoRA's; peft's comparison uses ten times.",
        arxiv="2503.18225", year=2025,
        title="Decoupling Angles and Strength in Low-rank Adaptation",
    ),
    Preset(
        name="gralora", family="low rank", implementation="peft", peft_type="GRALORA",
        parameters={"r": 8, "alpha": 16, "gralora_k": 2, "target_modules": "all-linear"},
        description="LoRA in each block of a grid over the weight matrix.",
        prior_learning_rate=4e-3, prior_source="Twice LoRA's, as in peft's comparison.", arxiv="2505.20355", year=2025,
        title="GraLoRA: Granular Low-Rank Adaptation for Parameter-Efficient Fine-Tuning",
    ),
    Preset(
        name="hira", family="low rank", implementation="peft", peft_type="HIRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Multiplies every weight by one plus a low-rank matrix, which gives an update of high rank.",
        prior_learning_rate=2e-2, prior_source="Ten times LoRA's; peft's comparison uses 45 times.",
        paper="https://openreview.net/forum?id=TwJrTz9cRS", year=2025,
        title="HiRA: Parameter-Efficient Hadamard High-Rank Adaptation for Large Language Models",
    ),
    Preset(
        name="miss", family="low rank", implementation="peft", peft_type="MISS",
        parameters={"r": 16, "target_modules": "all-linear"},
        description="Shares one small trainable matrix between slices of the weight matrix.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2409.15371", year=2024,
        title="MiSS: Revisiting the Trade-off in LoRA with an Efficient Shard-Sharing Structure",
    ),
    Preset(
        name="deft", family="low rank", implementation="peft", peft_type="DEFT",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Takes a learned low-rank part out of the weights and puts another one in.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"),
        paper="https://proceedings.neurips.cc/paper_files/paper/2025/hash/"
        "93a34a7138bdad95e874018d5f491cc6-Abstract-Conference.html", year=2025,
        title="DEFT: Decompositional Efficient Fine-Tuning for Text-to-Image Models",
    ),
    Preset(
        name="glora", family="low rank", implementation="peft", peft_type="GLORA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Scales and shifts weights and biases by low-rank and constant terms.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2306.07967", year=2023,
        title="One-for-All: Generalized LoRA for Parameter-Efficient Fine-tuning",
    ),
    Preset(
        name="peanut", family="low rank", implementation="peft", peft_type="PEANUT",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="A small network with a nonlinearity turns the weights into their update.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2410.01870", year=2024,
        title="PEANuT: Parameter-Efficient Adaptation with Weight-aware Neural Tweakers",
    ),
    Preset(
        name="osf", family="low rank", implementation="peft", peft_type="OSF",
        parameters={"effective_rank": 0.9, "target_modules": "all-linear"},
        description="Trains the weights' smallest singular directions and keeps updates out of the others.",
        prior_learning_rate=1e-3, prior_source=scaled("5e-5"), arxiv="2504.07097", year=2025,
        title="Sculpting Subspaces: Constrained Full Fine-Tuning in LLMs for Continual Learning",
    ),
    Preset(
        name="loha", family="products", implementation="peft", peft_type="LOHA",
        parameters={"r": 8, "alpha": 16, "target_modules": "all-linear"},
        description="Adds the elementwise product of two low-rank matrices.",
        prior_learning_rate=5e-3, prior_source=GUESS, arxiv="2108.06098", year=2021,
        title="FedPara: Low-Rank Hadamard Product for Communication-Efficient Federated Learning",
    ),
    Preset(
        name="lokr", family="products", implementation="peft", peft_type="LOKR",
        parameters={"r": 8, "alpha": 16, "target_modules": "all-linear"},
        description="Adds the Kronecker product of a small and a low-rank matrix.",
        prior_learning_rate=5e-3,
        prior_source="Above LoRA's; peft's comparison uses 3e-3.", arxiv="2309.14859", year=2023,
        title="Navigating Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation",
    ),
)  # fmt: skip
