"""Tests of auth/testing/, module by module."""
