"""Tokens: what one looks like, who may have issued it, and the one way it is verified."""
