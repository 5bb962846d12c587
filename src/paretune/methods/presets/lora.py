"""LoRA and its variants by options, by start and by optimizer. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import MEASURED, scaled

LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": "all-linear"}
_BLOCK_DIAGONAL = {
    "target_modules_bd_a": ["o_proj", "down_proj"],
    "target_modules_bd_b": ["q_proj", "k_proj", "v_proj", "up_proj", "gate_proj"],
    "nblocks": 2,
    "match_strict": False,
}
"""As peft's comparison has it; layers of other names are adapted by plain LoRA."""

PRESETS = (
    Preset(
        name="lora", family="low rank", implementation="peft", peft_type="LORA", parameters=LORA,
        description="Adds the product of two thin matrices to every linear layer.",
        prior_learning_rate=2e-3, prior_source=MEASURED, arxiv="2106.09685", year=2021,
        title="LoRA: Low-Rank Adaptation of Large Language Models",
    ),
    Preset(
        name="rslora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "use_rslora": True},
        description="LoRA scaled by the square root of its rank, so that higher ranks keep learning.",
        prior_learning_rate=1e-3, prior_source="LoRA's, divided by the larger scale (2.8 times at rank 8).",
        arxiv="2312.03732", year=2023,
        title="A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA",
    ),
    Preset(
        name="dora", family="low rank", implementation="peft", peft_type="LORA", parameters={**LORA, "use_dora": True},
        description="LoRA for the direction of each weight column and a learned length for each.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in the paper and in peft's comparison.",
        arxiv="2402.09353", year=2024,
        title="DoRA: Weight-Decomposed Low-Rank Adaptation",
    ),
    Preset(
        name="pissa", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "pissa"},
        description="LoRA started from the weights' principal singular vectors; saved as LoRA of twice the rank.",
        prior_learning_rate=2e-4, prior_source="Ten times below LoRA's best rate (arXiv 2602.04998).",
        arxiv="2404.02948", year=2024,
        title="PiSSA: Principal Singular Values and Singular Vectors Adaptation of Large Language Models",
    ),
    Preset(
        name="olora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "olora"},
        description="LoRA that starts from a QR decomposition of the weights; saved as LoRA of twice the rank.",
        prior_learning_rate=1.1e-4, prior_source="Eighteen times below LoRA's best rate (arXiv 2602.04998).",
        arxiv="2406.01775", year=2024,
        title="OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models",
    ),
    Preset(
        name="mica", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "mica"},
        description="LoRA whose second matrix is frozen at the weights' smallest singular directions.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2604.01694", year=2026,
        title="MiCA Learns More Knowledge Than LoRA and Full Fine-Tuning",
    ),
    Preset(
        name="eva", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "eva", "eva_config": {"rho": 2.0}},
        description="LoRA started in the directions in which the layers' inputs vary most; ranks follow them.",
        prior_learning_rate=2e-3, prior_source="LoRA's: only the start differs; not measured.",
        arxiv="2410.07170", year=2024,
        title="One Initialization to Rule them All: Fine-tuning via Explained Variance Adaptation",
    ),
    Preset(
        name="corda", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "corda", "corda_config": {"corda_method": "ipm"}},
        description="LoRA taken out of the weights by how the data uses them; saved as LoRA of twice the rank.",
        prior_learning_rate=2e-4, prior_source="PiSSA's, which starts in the same way; not measured.",
        arxiv="2406.05223", year=2024,
        title="CorDA: Context-Oriented Decomposition Adaptation of Large Language Models for Task-Aware "
        "Parameter-Efficient Fine-tuning",
    ),
    Preset(
        name="lora-ga", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "lora_ga", "lora_ga_config": {"direction": "ArB2r"}},
        description="LoRA started along the first gradient of full fine-tuning; saved as LoRA of twice the rank.",
        prior_learning_rate=2e-4, prior_source="PiSSA's, which starts in the same way; not measured.",
        arxiv="2407.05000", year=2024,
        title="LoRA-GA: Low-Rank Adaptation with Gradient Approximation",
    ),
    Preset(
        name="loftq", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4, "loftq_iter": 1}},
        description="LoRA on weights rounded to four bits, started so that it makes up for the rounding.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2310.08659", year=2023,
        title="LoftQ: LoRA-Fine-Tuning-Aware Quantization for Large Language Models",
    ),
    Preset(
        name="qalora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "use_qalora": True, "qalora_group_size": 16},
        description="LoRA on inputs averaged in groups, which merges into group-wise quantised weights.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2309.14717", year=2023,
        title="QA-LoRA: Quantization-Aware Low-Rank Adaptation of Large Language Models",
    ),
    Preset(
        name="alora", family="low rank", implementation="alora", peft_type="LORA",
        parameters={**LORA, "r": 32, "lora_alpha": 32},
        description="LoRA that acts from certain tokens on, and leaves the text before them to the base.",
        prior_learning_rate=1e-3, prior_source="LoRA's, halved for the larger rank; not measured.",
        arxiv="2504.12397", year=2025,
        title="Activated LoRA: Fine-tuned LLMs for Intrinsics",
    ),
    Preset(
        name="bdlora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "use_bdlora": _BLOCK_DIAGONAL},
        description="LoRA with one matrix in blocks, so that several devices need not talk while serving.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2510.23346", year=2025,
    ),
    Preset(
        name="kasa", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "kasa_config": {"beta": 1e-4, "gamma": 1e-3}},
        description="LoRA in singular-value form on weights without their smallest singular values.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2412.06071", year=2024,
        title="KaSA: Knowledge-Aware Singular-Value Adaptation of Large Language Models",
    ),
    Preset(
        name="velora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "velora_config": {"num_groups": 16}},
        description="LoRA that keeps compressed inputs for the backward pass.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2405.17991", year=2024,
        title="VeLoRA: Memory Efficient Training using Rank-1 Sub-Token Projections",
    ),
    Preset(
        name="monteclora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**LORA, "monteclora_config": {"buffer_size": 1}},
        description="LoRA whose first matrix is drawn anew in every training step, from a learned distribution.",
        prior_learning_rate=2e-3, prior_source="LoRA's; not measured.", arxiv="2411.04358", year=2024,
    ),
    Preset(
        name="lora-fa", family="low rank", implementation="lora-fa", peft_type="LORA", parameters=LORA,
        description="LoRA with its first matrix frozen and an optimizer that corrects the gradient for it.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2308.03303", year=2023,
        title="LoRA-FA: Memory-efficient Low-rank Adaptation for Large Language Models Fine-tuning",
    ),
    Preset(
        name="lora-plus", family="low rank", implementation="lora-plus", peft_type="LORA",
        parameters={**LORA, "loraplus_lr_ratio": 16.0},
        description="LoRA whose second matrix learns sixteen times faster than its first.",
        prior_learning_rate=2.5e-4,
        prior_source="The first matrix's rate; the second then gets twice LoRA's (ratio 16).",
        arxiv="2402.12354", year=2024,
        title="LoRA+: Efficient Low Rank Adaptation of Large Models",
    ),
    Preset(
        name="lora-riemannian", family="low rank", implementation="lora-riemannian", peft_type="LORA",
        parameters={**LORA, "reg": 1e-2},
        description="LoRA whose gradients are scaled by the other matrix before every step.",
        prior_learning_rate=2e-3, prior_source=scaled("1e-4"), arxiv="2402.02347", year=2024,
        title="Riemannian Preconditioned LoRA for Fine-Tuning Foundation Models",
    ),
)  # fmt: skip
