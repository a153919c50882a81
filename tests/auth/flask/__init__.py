"""Tests of auth/flask/, module by module."""
