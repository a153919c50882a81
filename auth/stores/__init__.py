"""Where processes keep small facts that end by themselves: "seen until T", in memory and in Redis. Knows no Flask."""

from .memory_store import MemoryStore
from .redis_store import RedisStore
from .store import Entry, Store, StoreBusyError, StoreUnavailableError

__all__ = ["Entry", "MemoryStore", "RedisStore", "Store", "StoreBusyError", "StoreUnavailableError"]
