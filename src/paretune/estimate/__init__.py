"""Memory predicted without weights and without a GPU."""

from paretune.estimate.estimate import estimate_memory, estimates, method_specs
from paretune.estimate.settings import EstimateSettings

__all__ = ["EstimateSettings", "estimate_memory", "estimates", "method_specs"]
