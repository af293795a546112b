"""Measurements of the running program."""
