"""Methods that learn what stands before a text, and embeddings of tokens. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets.sources import GUESS

PRESETS = (
    Preset(
        name="prompt-tuning", family="prompts", implementation="peft", peft_type="PROMPT_TUNING",
        parameters={"num_virtual_tokens": 20, "prompt_tuning_init": "SAMPLE_VOCAB"},
        description="Learns twenty input embeddings that stand before every text.",
        prior_learning_rate=1e-2, prior_source="Above peft's comparison (1e-3), below the paper's 0.3 with Adafactor.",
        arxiv="2104.08691", year=2021,
        title="The Power of Scale for Parameter-Efficient Prompt Tuning",
    ),
    Preset(
        name="p-tuning", family="prompts", implementation="peft", peft_type="P_TUNING",
        parameters={"num_virtual_tokens": 20},
        description="Learns input embeddings through a small network that is dropped after training.",
        prior_learning_rate=3e-3, prior_source=GUESS, arxiv="2103.10385", year=2021,
        title="GPT Understands, Too",
    ),
    Preset(
        name="prefix-tuning", family="prompts", implementation="prefix", peft_type="PREFIX_TUNING",
        parameters={"num_virtual_tokens": 20, "init_weights": "zero"},
        description="Learns keys and values that stand before every text in every layer.",
        prior_learning_rate=1e-2,
        prior_source="Twice the highest rate of peft's comparison.", arxiv="2101.00190", year=2021,
        title="Prefix-Tuning: Optimizing Continuous Prompts for Generation",
    ),
    Preset(
        name="cartridge", family="prompts", implementation="prefix", peft_type="CARTRIDGE",
        parameters={"num_virtual_tokens": 20},
        description="Learns keys and values that stand before every text, but for a fixed first one.",
        prior_learning_rate=1e-2, prior_source="Prefix tuning's; not measured.", arxiv="2506.06266", year=2025,
        title="Cartridges: Lightweight and general-purpose long context representations via self-study",
    ),
    Preset(
        name="multitask-prompt-tuning", family="prompts",
        implementation="multitask-prompt-tuning", peft_type="MULTITASK_PROMPT_TUNING",
        parameters={"num_virtual_tokens": 20},
        description="Prompt tuning with a factor of low rank for each task; here there is one task.",
        prior_learning_rate=1e-2, prior_source="Prompt tuning's; not measured.", arxiv="2303.02861", year=2023,
        title="Multitask Prompt Tuning Enables Parameter-Efficient Transfer Learning",
    ),
    Preset(
        name="cpt", family="prompts", implementation="cpt", peft_type="CPT",
        parameters={"num_examples": 2},
        description="Puts worked examples before every text and trains their embeddings within narrow bounds.",
        prior_learning_rate=1e-2, prior_source="Prompt tuning's; not measured.", arxiv="2410.17222", year=2024,
        title="Context-aware Prompt Tuning: Advancing In-Context Learning with Adversarial Methods",
    ),
    Preset(
        name="adaption-prompt", family="prompts", implementation="adaption-prompt", peft_type="ADAPTION_PROMPT",
        parameters={"adapter_len": 10},
        description="Learns tokens that every attention block may look at, behind a gate that starts closed.",
        prior_learning_rate=1e-2, prior_source="Twice the better of the two rates in peft's comparison.",
        arxiv="2303.16199", year=2023,
        title="LLaMA-Adapter: Efficient Fine-tuning of Language Models with Zero-init Attention",
    ),
    Preset(
        name="trainable-tokens", family="prompts", implementation="trainable-tokens", peft_type="TRAINABLE_TOKENS",
        parameters={"num_tokens": 16},
        description="Trains the embeddings of the sixteen tokens that the questions use most.",
        prior_learning_rate=1e-2, prior_source="A guess; peft's comparison uses 0.2 for two tokens.",
    ),
)  # fmt: skip
