"""What tests of protected views need: an issuer of their own, whose tokens the real verifier accepts."""

from .issuer import TokenIssuer

__all__ = ["TokenIssuer"]
