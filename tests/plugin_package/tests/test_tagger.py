"""The kind keeps the contract."""

from paretune.testing import KindContract


class TestTagger(KindContract):
    kind = "tagger"
    task = "digits"
