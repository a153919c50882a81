"""Tests of auth/settings/, module by module."""
