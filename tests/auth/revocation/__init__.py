"""Tests of auth/revocation/, module by module."""
