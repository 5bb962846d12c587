"""What a page holds as data, for tests: small things as JSON, rows compressed."""

import base64
import gzip
import json
import re
from typing import Any


def page_data(page: str) -> dict[str, Any]:
    """Return the data of a page, its rows inflated."""
    found = re.search(r'id="page-data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data | {"rows": json.loads(gzip.decompress(base64.b64decode(data["rows"])))}
