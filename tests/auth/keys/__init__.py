"""Tests of the keys, module by module."""
