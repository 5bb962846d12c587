"""Figures: time and memory by phase, sizes, forgetting, and where they were taken."""

from paretune.measure.memory import LiveStorage, count_peak_bytes
from paretune.measure.phases import Phases
from paretune.measure.provenance import collect_provenance
from paretune.measure.retention import general_texts, text_losses
from paretune.measure.size import dtypes, folder_bytes, trainable_parameters

__all__ = [
    "LiveStorage",
    "Phases",
    "collect_provenance",
    "count_peak_bytes",
    "dtypes",
    "folder_bytes",
    "general_texts",
    "text_losses",
    "trainable_parameters",
]
