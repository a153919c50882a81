"""Keys that verify signatures, and where they come from."""

from .remote.bounded_http import FetchError
from .remote.discovery import DiscoveredLocation, FixedLocation, JwksLocation
from .remote.key_source import RemoteKeySet, RemoteKeySettings
from .remote.loading import FetchedKeys
from .source import KeySource, KeyStatus, StaticKeys, generation_of, status_of
from .verification_key import UnusableKeyError, VerificationKey

__all__ = [
    "DiscoveredLocation",
    "FetchError",
    "FetchedKeys",
    "FixedLocation",
    "JwksLocation",
    "KeySource",
    "KeyStatus",
    "RemoteKeySet",
    "RemoteKeySettings",
    "StaticKeys",
    "UnusableKeyError",
    "VerificationKey",
    "generation_of",
    "status_of",
]
