"""The methods that have a name here: one for every type of the installed peft, and LoRA's variants. Pure data."""

from paretune.methods.card import Preset
from paretune.methods.presets import baselines, lora, low_rank, mixtures, prompts, rotations, sparse, vectors

_FAMILIES = (baselines, lora, low_rank, mixtures, rotations, vectors, sparse, prompts)

PRESETS: dict[str, Preset] = {preset.name: preset for family in _FAMILIES for preset in family.PRESETS}
