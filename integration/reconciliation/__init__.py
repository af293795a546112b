"""Comparing what came here with what the providers, and the hub, say that there was."""
