"""Management commands of one installation, by a process that stays: to start one for each takes seconds."""

from __future__ import annotations

import contextlib
import io
import json
import select
import subprocess
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DONE_WITHIN_S = 60


class Commands:
    """Runs one command after the other, away from the server: another process, as the terminal's would be."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> str:
        """Return what a command printed. Raises RuntimeError where it failed or did not end in time."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__], cwd=ROOT, env=self._env,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        ready, _, _ = select.select([self._process.stdout], [], [], DONE_WITHIN_S)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.end()
            raise RuntimeError(f"{arguments} did not end")
        answer = json.loads(line)
        if answer["error"]:
            raise RuntimeError(f"{arguments}: {answer['error']}")
        return answer["printed"]

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    """Read the words of a command from each line, and answer with a line: what it printed, and why it failed."""
    import django
    from django.core.management import call_command
    from django.db import connections

    django.setup()
    answers = sys.stdout
    for line in sys.stdin:
        printed, error = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(printed):
                call_command(*json.loads(line))
        except (Exception, SystemExit):
            error = traceback.format_exc()
        connections.close_all()
        print(json.dumps({"printed": printed.getvalue(), "error": error}), file=answers, flush=True)


if __name__ == "__main__":
    main()
