"""Keys that verify signatures, and where they come from."""

from auth.keys.source import KeySource, StaticKeys
from auth.keys.verification_key import UnusableKeyError, VerificationKey

__all__ = ["KeySource", "StaticKeys", "UnusableKeyError", "VerificationKey"]
