"""Tests of auth/stores/, module by module."""
