"""Where default learning rates come from, in words.

Defaults are starting points for small models (some 100 million parameters) and 40 to 60 steps; larger models and longer
runs want less. LoRA's is measured; the others keep their published or measured distance from LoRA's where one is known.
"peft's comparison" is peft's method_comparison (MetaMathQA with Llama-3.2-3B, 5000 steps, LoRA at 1e-4).
"""

MEASURED = "Measured with SmolLM2-135M for 40 to 60 steps: for small models; larger models need a lower one."
GUESS = "A guess between LoRA's rate and peft's comparison; not measured."


def scaled(rate: str) -> str:
    """Return the source of a prior that keeps the distance from LoRA's which it has in peft's comparison."""
    return f"Twenty times the {rate} of peft's comparison, as LoRA's is twenty times its rate there; not measured."
