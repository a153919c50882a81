"""Tests of auth/keys/remote/, module by module."""
