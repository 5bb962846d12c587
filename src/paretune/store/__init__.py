"""A study's folder on disk: records that are written once and never changed, answers, adapters and logs."""

from paretune.store.folder import TRIAL_FILE, Store, load_records
from paretune.store.items import Item
from paretune.store.pictures import KeptPicture
from paretune.store.planned import keep_plan, load_planned_records, planned_of, read_plan
from paretune.store.query import query
from paretune.store.records import Records
from paretune.store.shared_values import NOTHING_SHARED, SharedValues, StoredValues

__all__ = [
    "NOTHING_SHARED", "TRIAL_FILE", "Item", "KeptPicture", "Records", "SharedValues", "Store", "StoredValues",
    "keep_plan", "load_planned_records", "load_records", "planned_of", "query", "read_plan",
]  # fmt: skip
