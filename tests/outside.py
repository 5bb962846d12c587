"""Data that is not part of the repository. Tests that want it skip, with a reason, where it is not there."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]
TEST_DATA = Path(os.environ.get("PARETUNE_TEST_DATA", _REPOSITORY.parent / "shared"))
"""Holds `peft_method_comparison` (results and experiments of that folder in huggingface/peft) and `data/gsm8k`."""
PEFT_CHECKOUT = Path(os.environ.get("PARETUNE_PEFT_CHECKOUT", "no-checkout-of-peft"))
"""A checkout of huggingface/peft, whose own code reads what we export."""

PUBLISHED = TEST_DATA / "peft_method_comparison"
GSM8K = TEST_DATA / "data" / "gsm8k"
DREAMBOOTH = TEST_DATA / "data" / "dreambooth"
"""Photographs of the DreamBooth data set; tests draw their own pictures where they are not there."""

needs_published = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason=f"no results of peft's comparison at {PUBLISHED}; set PARETUNE_TEST_DATA"
)
needs_gsm8k = pytest.mark.skipif(not GSM8K.is_dir(), reason=f"no GSM8K at {GSM8K}; set PARETUNE_TEST_DATA")
needs_checkout = pytest.mark.skipif(
    not (PEFT_CHECKOUT / "method_comparison" / "processing.py").is_file(),
    reason="set PARETUNE_PEFT_CHECKOUT to a checkout of huggingface/peft",
)
