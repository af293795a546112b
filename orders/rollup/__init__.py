"""Figures that are counted once and kept: as which rows (``rows``), from the raw rows (``counting``), into a company's closed
days and whole months (``keeping``), and back out together with the days that are still open (``reading``).
"""
