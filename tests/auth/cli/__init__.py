"""Tests of auth/cli/, module by module."""
