"""Where base models come from: the hub, a folder, a package, or built in memory."""

from paretune.models.hardware import check_hardware
from paretune.models.load import LoadedModel, check_reference, load_model, module_names, prefetch

__all__ = ["LoadedModel", "check_hardware", "check_reference", "load_model", "module_names", "prefetch"]
