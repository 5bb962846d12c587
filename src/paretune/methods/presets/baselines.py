"""Rows to compare with: the model as it is, full fine-tuning, and a head alone. Pure data."""

from paretune.methods.card import Preset

PRESETS = (
    Preset(
        name="base", family="no training", implementation="base",
        description="The base model as it is.",
    ),
    Preset(
        name="base-few-shot", family="no training", implementation="base", parameters={"shots": 4},
        description="The base model, shown worked examples before every question (parameter shots).",
        arxiv="2005.14165", year=2020,
        title="Language Models are Few-Shot Learners",
    ),
    Preset(
        name="tfidf", family="no training", implementation="tfidf",
        description="In place of the base model, where labels are asked for: logistic regression on TF-IDF of words.",
    ),
    Preset(
        name="full", family="full", implementation="full",
        description="Every parameter of the base model is trained.",
        prior_learning_rate=2e-4, prior_source="Ten times below LoRA's best rate (LoRA Without Regret).",
    ),
    Preset(
        name="head", family="head", implementation="head",
        description="Where labels are asked for: trains the head alone, on top of the frozen base (linear probe).",
        prior_learning_rate=1e-2, prior_source="A guess: few parameters want a high rate; not measured.",
        arxiv="1610.01644", year=2016,
        title="Understanding intermediate layers using linear classifier probes",
    ),
)  # fmt: skip
