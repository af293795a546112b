#!/usr/bin/env python
"""Run an administrative command."""

import os
import sys

from integration.garbage import load_without_looking


def main() -> None:
    load_without_looking()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "restaurant_integration.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            "Django is not installed here. Run `make install`, then use .venv/bin/python manage.py."
        ) from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
