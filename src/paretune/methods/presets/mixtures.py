"""Methods that weigh several adapters, and a network next to the model. Pure data."""

from paretune.methods.card import Preset

PRESETS = (
    Preset(
        name="lily", family="low rank", implementation="peft", peft_type="LILY",
        parameters={"r": 32, "stride_A": 2, "num_B": 2, "scaling": 2.0, "target_modules": "all-linear"},
        description="Low-rank layers share their second matrices through a router that looks at the whole batch.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2407.09946", year=2024,
        title="Low-Rank Interconnected Adaptation across Layers",
    ),
    Preset(
        name="poly", family="mixtures", implementation="poly", peft_type="POLY",
        parameters={"r": 8, "n_skills": 4, "target_modules": "all-linear"},
        description="A learned mixture of four LoRA adapters, the same for all texts of a task.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2202.13914", year=2022,
        title="Combining Modular Skills in Multitask Learning",
    ),
    Preset(
        name="xlora", family="mixtures", implementation="xlora", peft_type="XLORA",
        parameters={"num_experts": 4, "expert_rank": 8},
        description="A classifier weighs four LoRA adapters anew for every token; all are trained together.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2402.07148", year=2024,
        title="X-LoRA: Mixture of Low-Rank Adapter Experts, a Flexible Framework for Large Language "
        "Models with Applications in Protein Mechanics and Molecular Design",
    ),
    Preset(
        name="shadow", family="side network", implementation="shadow", peft_type="SHADOW",
        parameters={"r": 8},
        description="A small copy of the model runs next to it and corrects its hidden states in every layer.",
        prior_learning_rate=1e-3, prior_source="A guess below LoRA's, since whole layers are trained; not measured.",
        arxiv="2604.19254", year=2026,
        title="ShadowPEFT: Shadow Network for Parameter-Efficient Fine-Tuning",
    ),
)  # fmt: skip
