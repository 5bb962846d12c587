from pathlib import Path

import pytest

from paretune.audit.reference import methods_reference
from paretune.methods import method_cards

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "methods.md"


@pytest.mark.filterwarnings("ignore")
def test_the_page_of_methods_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == methods_reference(), "out of date; run: make reference"


def test_every_method_has_its_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [card.name for card in method_cards() if f"\n## {card.name}\n" not in text] == []
    rate = "Default learning rate: 0.002"
    for word in ("Paper: [arXiv 2106.09685]", "Hooks: `loss_terms`, `after_step`", rate, "Parameters:"):
        assert word in text
