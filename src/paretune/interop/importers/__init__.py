"""Other people's results as records. Nothing is invented, and nothing of theirs is lost."""

from paretune.interop.importers.peft_comparison import Imports, import_peft_comparison
from paretune.interop.importers.peft_experiments import study_from_experiments

__all__ = ["Imports", "import_peft_comparison", "study_from_experiments"]
