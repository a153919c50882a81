"""Tests of auth/tokens/, module by module."""
