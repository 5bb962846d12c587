import json
from pathlib import Path

import pytest

from paretune.models import load_model
from paretune.models.tying import ties_embeddings
from paretune.spec import EMBEDDED_MODEL


@pytest.mark.parametrize(
    ("reference", "ties"),
    [
        (EMBEDDED_MODEL, True),
        ("toy:llama", False),
        ("toy:tied-llama", True),
        ("shipped:drawings", False),
        ("hub:meta-llama/Llama-3.2-1B@main", True),
        ("hub:meta-llama/Llama-3.2-3B", True),
        ("hub:Qwen/Qwen3-8B@main", False),
        ("hub:nobody/knows-it@main", None),
        ("pypi:nothing==1.0", None),
        ("path:/no/such/folder", None),
        ("not a reference", None),
    ],
)
def test_what_a_reference_says(reference: str, ties: bool | None) -> None:
    assert ties_embeddings(reference) is ties


@pytest.mark.parametrize(
    ("config", "ties"),
    [
        ({"tie_word_embeddings": True}, True),
        ({"tie_word_embeddings": False}, False),
        ({"model_type": "gpt2"}, None),
        ({"tie_word_embeddings": "yes"}, None),
        ([], None),
    ],
)
def test_a_folder_is_believed_where_it_says_so(config: object, ties: bool | None, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert ties_embeddings(f"path:{tmp_path}") is ties


@pytest.mark.parametrize("reference", ["toy:llama", "toy:tied-llama"])
def test_the_toys_are_what_their_names_say(reference: str) -> None:
    model = load_model(reference).model
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == ties_embeddings(reference)
