"""Attaching and reloading an adapter says nothing that a person could not mend."""

import warnings
from pathlib import Path

from paretune.methods import Context, build, resolve
from paretune.models import load_model
from paretune.spec import MethodEntry, Recipe


def test_no_warning_about_what_peft_asks_of_transformers(tmp_path: Path) -> None:
    method = build(resolve(MethodEntry(name="lora")))
    base = load_model("toy:llama")
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        model = method.wrap(base.model, Context(Recipe(), 1e-3, 0, base.tokenizer))
        method.save(model, tmp_path / "saved")
        method.load(load_model("toy:llama").model, tmp_path / "saved")
