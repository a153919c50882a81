"""Keys that verify signatures, and where they come from. These names are public; the modules are not."""

from .key_ring import KeyRing
from .remote.bounded_http import FetchError
from .remote.discovery import DiscoveredLocation, FixedLocation, JwksLocation
from .remote.key_source import RemoteKeySource
from .remote.schedule import RemoteKeySettings, Snapshot
from .source import KeySource, KeyStatus, SimpleKeySource, StaticKeys
from .verification_key import UnusableKeyError, VerificationKey

__all__ = [
    "DiscoveredLocation",
    "FetchError",
    "FixedLocation",
    "JwksLocation",
    "KeyRing",
    "KeySource",
    "KeyStatus",
    "RemoteKeySettings",
    "RemoteKeySource",
    "SimpleKeySource",
    "Snapshot",
    "StaticKeys",
    "UnusableKeyError",
    "VerificationKey",
]
