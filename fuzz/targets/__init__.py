"""What is fuzzed: a module for each target, which states what must hold for every input."""
