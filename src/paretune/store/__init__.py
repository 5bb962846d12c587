"""A study's folder on disk: records that are written once and never changed, answers, adapters and logs."""

from paretune.store.folder import Store, load_records
from paretune.store.items import ItemAnswer
from paretune.store.query import query

__all__ = ["ItemAnswer", "Store", "load_records", "query"]
