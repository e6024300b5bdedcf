"""Renders results: JSON for scripts, Markdown for pull requests, a table for the terminal. Computes nothing."""
