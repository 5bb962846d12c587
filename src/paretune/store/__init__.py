"""A study's folder on disk: records that are written once and never changed, answers, adapters and logs."""

from paretune.store.folder import Store, load_records
from paretune.store.items import Item, ItemAnswer, ItemPicture
from paretune.store.pictures import KeptPicture
from paretune.store.planned import keep_plan, load_planned_records, read_plan
from paretune.store.query import query

__all__ = [
    "Item", "ItemAnswer", "ItemPicture", "KeptPicture", "Store", "keep_plan", "load_planned_records", "load_records",
    "query", "read_plan",
]  # fmt: skip
