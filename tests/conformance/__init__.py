"""The library held against what others published about JWTs: test vectors, examples of the RFCs, known attacks."""
