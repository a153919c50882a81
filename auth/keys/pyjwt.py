"""What is used of PyJWT's own rooms, or an error that names what stands in its place.

PyJWT is imported as ``jwt``. A ``jwt.py`` of the service comes before it on the path, and the distribution called
``jwt`` writes its files over PyJWT's.
"""

from __future__ import annotations

import jwt

try:
    from jwt.algorithms import Algorithm, ECAlgorithm, OKPAlgorithm, RSAAlgorithm
    from jwt.utils import base64url_decode, base64url_encode
except ImportError as _error:
    raise ImportError(
        f"The module jwt is not PyJWT; it comes from {jwt.__file__}. If that is a file of yours, rename it. "
        "If the distribution jwt is installed, uninstall it and then reinstall PyJWT."
    ) from _error

__all__ = ["Algorithm", "ECAlgorithm", "OKPAlgorithm", "RSAAlgorithm", "base64url_decode", "base64url_encode"]
