"""How long the rows of the published maths batches are: what is published, and the one assumption."""

MEAN_TOKENS = 210
"""Mean tokens of a row, from the published token and sample counts."""
LONGEST_TOKENS = 683
"""Tokens of the longest row. Not published: it follows from the published memory of LoRA with rank 32 alone, and is
taken for every row of the comparison."""
