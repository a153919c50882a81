"""Fuzzers that are guided by coverage, one for each place where text of strangers is read; no part of the wheel."""
