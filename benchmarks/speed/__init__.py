"""How fast the program is: see docs/performance.md."""
