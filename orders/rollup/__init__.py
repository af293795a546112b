"""Figures that are counted once and kept: from the raw rows (``counting``), into a company's closed days (``keeping``), and
back out together with the days that are still open (``reading``).
"""
