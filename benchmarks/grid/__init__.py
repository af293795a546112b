"""How the grid keeps up with ten thousand orders, in a real browser: ``python -m benchmarks.grid``."""
