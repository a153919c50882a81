"""Tests the library with what others published about JWTs: test vectors, examples of the RFCs, known attacks."""
