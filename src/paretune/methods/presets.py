"""The methods that have a name here. Pure data.

Prior learning rates are starting points for small models (some 100 million parameters) and 40 to 60 steps; larger
models and longer runs want less. LoRA's is measured; the others keep their published or measured distance from LoRA's
where one is known. "peft's comparison" is peft's method_comparison (Llama-3.2-3B, 5000 steps, LoRA at 1e-4).
"""

from paretune.methods.card import Preset

_LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": "all-linear"}
_MEASURED = "Measured with SmolLM2-135M for 40 to 60 steps: a prior for small models, larger models want less."
_GUESS = "A guess between LoRA's rate and peft's comparison; not measured."

_PRESETS = (
    Preset(
        name="base", family="no training", implementation="base",
        description="The base model as it is.",
    ),
    Preset(
        name="base-few-shot", family="no training", implementation="base", parameters={"shots": 4},
        description="The base model, shown four worked examples before every question.", arxiv="2005.14165", year=2020,
    ),
    Preset(
        name="full", family="full", implementation="full",
        description="Every parameter of the base model is trained.",
        prior_learning_rate=2e-4, prior_source="Ten times below LoRA's best rate (LoRA Without Regret).",
    ),
    Preset(
        name="lora", family="low rank", implementation="peft", peft_type="LORA", parameters=_LORA,
        description="Adds the product of two thin matrices to every linear layer.",
        prior_learning_rate=2e-3, prior_source=_MEASURED, arxiv="2106.09685", year=2021,
    ),
    Preset(
        name="rslora", family="low rank", implementation="peft", peft_type="LORA",
        parameters={**_LORA, "use_rslora": True},
        description="LoRA scaled by the square root of its rank, so that higher ranks keep learning.",
        prior_learning_rate=1e-3, prior_source="LoRA's, divided by the larger scale (2.8 times at rank 8).",
        arxiv="2312.03732", year=2023,
    ),
    Preset(
        name="dora", family="low rank", implementation="peft", peft_type="LORA", parameters={**_LORA, "use_dora": True},
        description="LoRA for the direction of each weight column and a learned length beside it.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in the paper and in peft's comparison.",
        arxiv="2402.09353", year=2024,
    ),
    Preset(
        name="pissa", family="low rank", implementation="mutated-base", peft_type="LORA",
        parameters={**_LORA, "init_lora_weights": "pissa"},
        description="LoRA started from the weights' principal singular vectors; saved as LoRA of twice the rank.",
        prior_learning_rate=2e-4, prior_source="Ten times below LoRA's best rate (arXiv 2602.04998).",
        arxiv="2404.02948", year=2024,
    ),
    Preset(
        name="olora", family="low rank", implementation="mutated-base", peft_type="LORA",
        parameters={**_LORA, "init_lora_weights": "olora"},
        description="LoRA that starts from a QR decomposition of the weights; saved as LoRA of twice the rank.",
        prior_learning_rate=1.1e-4, prior_source="Eighteen times below LoRA's best rate (arXiv 2602.04998).",
        arxiv="2406.01775", year=2024,
    ),
    Preset(
        name="lora-fa", family="low rank", implementation="lora-fa", peft_type="LORA", parameters=_LORA,
        description="LoRA with its first matrix frozen and an optimizer that corrects the gradient for it.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2308.03303", year=2023,
    ),
    Preset(
        name="lora-plus", family="low rank", implementation="lora-plus", peft_type="LORA",
        parameters={**_LORA, "loraplus_lr_ratio": 16.0},
        description="LoRA whose second matrix learns sixteen times faster than its first.",
        prior_learning_rate=2.5e-4,
        prior_source="The first matrix's rate; the second then gets twice LoRA's (ratio 16).",
        arxiv="2402.12354", year=2024,
    ),
    Preset(
        name="adalora", family="low rank", implementation="adalora", peft_type="ADALORA",
        parameters={"init_r": 12, "target_r": 8, "lora_alpha": 32, "target_modules": "all-linear"},
        description="LoRA in singular-value form that takes rank from the layers that need it least while training.",
        prior_learning_rate=5e-3, prior_source="Above LoRA's, because small factors multiply; not measured.",
        arxiv="2303.10512", year=2023,
    ),
    Preset(
        name="randlora", family="low rank", implementation="peft", peft_type="RANDLORA",
        parameters={"r": 8, "randlora_alpha": 160, "target_modules": "all-linear"},
        description="A full-rank update made of fixed random low-rank pieces with learned scales.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2502.00987", year=2025,
    ),
    Preset(
        name="delora", family="low rank", implementation="peft", peft_type="DELORA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="LoRA with normalised directions and one learned, bounded strength per layer.",
        prior_learning_rate=1e-2, prior_source="Five times LoRA's; peft's comparison uses ten times.",
        arxiv="2503.18225", year=2025,
    ),
    Preset(
        name="gralora", family="low rank", implementation="peft", peft_type="GRALORA",
        parameters={"r": 8, "alpha": 16, "gralora_k": 2, "target_modules": "all-linear"},
        description="LoRA in each block of a grid over the weight matrix.",
        prior_learning_rate=4e-3, prior_source="Twice LoRA's, as in peft's comparison.", arxiv="2505.20355", year=2025,
    ),
    Preset(
        name="hira", family="low rank", implementation="peft", peft_type="HIRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Multiplies every weight by one plus a low-rank matrix, which gives an update of high rank.",
        prior_learning_rate=2e-2, prior_source="Ten times LoRA's; peft's comparison uses 45 times.", year=2025,
    ),
    Preset(
        name="miss", family="low rank", implementation="peft", peft_type="MISS",
        parameters={"r": 16, "target_modules": "all-linear"},
        description="Shares one small trainable matrix between slices of the weight matrix.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2409.15371", year=2024,
    ),
    Preset(
        name="lily", family="low rank", implementation="peft", peft_type="LILY",
        parameters={"r": 32, "stride_A": 2, "num_B": 2, "scaling": 2.0, "target_modules": "all-linear"},
        description="Low-rank layers share their second matrices through a router that looks at the whole batch.",
        prior_learning_rate=2e-3, prior_source="LoRA's, as in peft's comparison.", arxiv="2407.09946", year=2024,
    ),
    Preset(
        name="loha", family="products", implementation="peft", peft_type="LOHA",
        parameters={"r": 8, "alpha": 16, "target_modules": "all-linear"},
        description="Adds the elementwise product of two low-rank matrices.",
        prior_learning_rate=5e-3, prior_source=_GUESS, arxiv="2108.06098", year=2021,
    ),
    Preset(
        name="lokr", family="products", implementation="peft", peft_type="LOKR",
        parameters={"r": 8, "alpha": 16, "target_modules": "all-linear"},
        description="Adds the Kronecker product of a small and a low-rank matrix.",
        prior_learning_rate=5e-3,
        prior_source="Above LoRA's; peft's comparison uses 3e-3.", arxiv="2309.14859", year=2023,
    ),
    Preset(
        name="oft", family="rotations", implementation="peft", peft_type="OFT",
        parameters={"oft_block_size": 32, "target_modules": "all-linear"},
        description="Rotates blocks of the inputs of every linear layer.",
        prior_learning_rate=3e-3, prior_source="Measured on a small image model, where 3e-3 matched LoRA at 3e-3.",
        arxiv="2306.07280", year=2023,
    ),
    Preset(
        name="boft", family="rotations", implementation="peft", peft_type="BOFT",
        parameters={"boft_block_size": 4, "target_modules": "all-linear"},
        description="Rotations made of small blocks in butterfly order.",
        prior_learning_rate=3e-3, prior_source="OFT's; not measured.", arxiv="2311.06243", year=2023,
    ),
    Preset(
        name="hra", family="rotations", implementation="peft", peft_type="HRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Reflects the inputs of every linear layer in a few learned mirrors.",
        prior_learning_rate=3e-3, prior_source="OFT's; not measured.", arxiv="2405.17484", year=2024,
    ),
    Preset(
        name="road", family="rotations", implementation="peft", peft_type="ROAD",
        parameters={"variant": "road_2", "target_modules": "all-linear"},
        description="Rotates and scales pairs of outputs of every linear layer.",
        prior_learning_rate=1e-2, prior_source="Above LoRA's; peft's comparison uses ten times LoRA's.",
        arxiv="2409.00119", year=2024,
    ),
    Preset(
        name="ia3", family="vectors", implementation="ia3", peft_type="IA3",
        description="Scales keys, values and the inner activations of the feed-forward layers by learned vectors.",
        prior_learning_rate=2e-2, prior_source="Measured on a small image model; peft's comparison uses up to 5e-3.",
        arxiv="2205.05638", year=2022,
    ),
    Preset(
        name="vera", family="vectors", implementation="peft", peft_type="VERA",
        parameters={"r": 256, "target_modules": "all-linear"},
        description="Learns two scaling vectors around one pair of frozen random matrices that all layers share.",
        prior_learning_rate=2e-2,
        prior_source="Ten times LoRA's, as in peft's comparison.", arxiv="2310.11454", year=2023,
    ),
    Preset(
        name="vblora", family="vectors", implementation="peft", peft_type="VBLORA",
        parameters={"r": 4, "num_vectors": 256, "vector_length": 64, "target_modules": "all-linear"},
        description="Composes low-rank matrices from a bank of vectors that all layers share.",
        prior_learning_rate=1e-2, prior_source="Five times LoRA's, as in peft's comparison.",
        arxiv="2405.15179", year=2024,
    ),
    Preset(
        name="beft", family="vectors", implementation="peft", peft_type="BEFT",
        description="Learns a bias on the value projections, and nothing else.",
        prior_learning_rate=1e-2, prior_source="A guess: few parameters want a high rate; not measured.",
        arxiv="2509.15974", year=2025,
    ),
    Preset(
        name="ln-tuning", family="vectors", implementation="ln-tuning", peft_type="LN_TUNING",
        description="Trains the weights of the normalisation layers.",
        prior_learning_rate=5e-3, prior_source="A guess: few parameters want a high rate; not measured.",
        arxiv="2312.11420", year=2023,
    ),
    Preset(
        name="fourierft", family="sparse", implementation="peft", peft_type="FOURIERFT",
        parameters={"n_frequency": 1000, "scaling": 150.0, "target_modules": "all-linear"},
        description="Learns a few coefficients of the update's Fourier transform.",
        prior_learning_rate=1e-2, prior_source="A guess near the paper's rates; not measured.",
        arxiv="2405.03003", year=2024,
    ),
    Preset(
        name="waveft", family="sparse", implementation="peft", peft_type="WAVEFT",
        parameters={"n_frequency": 2592, "target_modules": "all-linear"},
        description="Learns a few coefficients of the update's wavelet transform.",
        prior_learning_rate=1e-2, prior_source=_GUESS, arxiv="2505.12532", year=2025,
    ),
    Preset(
        name="c3a", family="sparse", implementation="peft", peft_type="C3A",
        parameters={"block_size": 64, "target_modules": "all-linear"},
        description="Adds block-circulant matrices, each held as one vector.",
        prior_learning_rate=0.3, prior_source="The rate of peft's comparison.", arxiv="2407.19342", year=2024,
    ),
    Preset(
        name="shira", family="sparse", implementation="peft", peft_type="SHIRA",
        parameters={"r": 8, "target_modules": "all-linear"},
        description="Trains one random small share of the weights themselves.",
        prior_learning_rate=1e-3, prior_source="Between full fine-tuning's and LoRA's; peft's comparison uses 3e-4.",
        arxiv="2406.13175", year=2024,
    ),
    Preset(
        name="prompt-tuning", family="prompts", implementation="peft", peft_type="PROMPT_TUNING",
        parameters={"num_virtual_tokens": 20, "prompt_tuning_init": "SAMPLE_VOCAB"},
        description="Learns twenty input embeddings that stand before every text.",
        prior_learning_rate=1e-2, prior_source="Above peft's comparison (1e-3), below the paper's 0.3 with Adafactor.",
        arxiv="2104.08691", year=2021,
    ),
    Preset(
        name="p-tuning", family="prompts", implementation="peft", peft_type="P_TUNING",
        parameters={"num_virtual_tokens": 20},
        description="Learns input embeddings through a small network that is dropped after training.",
        prior_learning_rate=3e-3, prior_source=_GUESS, arxiv="2103.10385", year=2021,
    ),
    Preset(
        name="prefix-tuning", family="prompts", implementation="peft", peft_type="PREFIX_TUNING",
        parameters={"num_virtual_tokens": 20, "init_weights": "zero"},
        description="Learns keys and values that stand before every text in every layer.",
        prior_learning_rate=1e-2,
        prior_source="Twice the highest rate of peft's comparison.", arxiv="2101.00190", year=2021,
    ),
)  # fmt: skip

PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}
