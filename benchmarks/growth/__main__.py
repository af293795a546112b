"""``python -m benchmarks.growth``: what ten, a hundred and a thousand times the load need, from the figures that are kept."""

from __future__ import annotations

import argparse
import sys

from benchmarks.growth.report import PAGE, section, write_page
from benchmarks.speed.report import read_results


def main(arguments: list[str]) -> int:
    """Print the tables, or write them into the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"put the tables into docs/{PAGE.name}")
    if parser.parse_args(arguments).write:
        write_page()
    else:
        print(section(read_results()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
