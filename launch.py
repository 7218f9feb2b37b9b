#!/usr/bin/env python3
"""The one door of Loki Studio: sets the environment up, then opens the studio or runs a command."""

import sys

from app.setup.python import wrong_python_message


def main() -> int:
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        print("launch.py: " + wrong_python_message("{}.{}".format(*sys.version_info)), file=sys.stderr)
        return 2
    from app.cli import main as run  # written in 3.11's syntax, which others cannot read

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
