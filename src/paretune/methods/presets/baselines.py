"""Rows to compare with: the model as it is, and full fine-tuning. Pure data."""

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
)  # fmt: skip
