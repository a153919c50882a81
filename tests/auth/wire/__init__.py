"""Tests of auth/wire/, module by module."""
