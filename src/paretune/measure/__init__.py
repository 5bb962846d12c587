"""Values: time and memory by phase, sizes, forgetting, and where they were taken."""

from paretune.measure.allocator import CachingAllocator, replay
from paretune.measure.memory import LiveStorage, count_memory, count_peak_bytes
from paretune.measure.phases import Phases
from paretune.measure.provenance import collect_provenance, environment, paretune_commit
from paretune.measure.retention import check_texts, general_texts, text_losses
from paretune.measure.size import dtypes, folder_bytes, head_parameters, trainable_parameters
from paretune.measure.storage_log import StorageLog, at_scale

__all__ = [
    "CachingAllocator",
    "LiveStorage",
    "Phases",
    "StorageLog",
    "at_scale",
    "check_texts",
    "collect_provenance",
    "count_memory",
    "count_peak_bytes",
    "dtypes",
    "environment",
    "folder_bytes",
    "general_texts",
    "head_parameters",
    "paretune_commit",
    "replay",
    "text_losses",
    "trainable_parameters",
]
