"""Runs published implementations on the fixtures' clips and brings their turns into the lab."""
