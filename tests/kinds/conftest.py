import pytest

from paretune.models.toy import toy_tokenizer
from paretune.models.toy_encoder import toy_encoder


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with an encoder whose head has another number of classes."""
    folder = tmp_path_factory.mktemp("encoder")
    toy_encoder().save_pretrained(folder)
    toy_tokenizer().save_pretrained(folder)
    return f"path:{folder}"
