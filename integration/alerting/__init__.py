"""Alerts that reach people: the rules that raise them, the thresholds, the channels, and what each channel is sent."""
