"""The guide lists every key of the recipe with its default and meaning."""

from paretune.spec import Recipe
from tests.docs.recipe_table import GUIDE, with_table


def test_the_guide_has_the_table_of_today() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert with_table(text) == text, "write it anew: python -m tests.docs.recipe_table"


def test_every_key_is_in_it() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [name for name in Recipe.model_fields if f"| `{name}` |" not in text] == ["image", "sharding"]


def test_tables_of_their_own_are_explained() -> None:
    assert "[recipe.sharding]" in GUIDE.read_text(encoding="utf-8")
    assert "[recipe.image]" in GUIDE.with_name("images.md").read_text(encoding="utf-8")
