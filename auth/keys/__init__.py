"""Keys that verify signatures, and where they come from."""

from auth.keys.discovery import DiscoveredLocation, FixedLocation, JwksLocation
from auth.keys.fetching import FetchError
from auth.keys.loading import FetchedKeys
from auth.keys.remote import RemoteKeySet, RemoteKeySettings
from auth.keys.source import KeySource, KeyStatus, StaticKeys, generation_of, status_of
from auth.keys.verification_key import UnusableKeyError, VerificationKey

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
