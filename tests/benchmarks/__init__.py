"""Benchmarks: ``python -m tests.benchmarks [speed] [recipes] [jacobians] [scaling]``; all by default."""
