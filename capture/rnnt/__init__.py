"""Runs gigaam's own RNN-T head and greedy search on PyTorch and records every step."""
