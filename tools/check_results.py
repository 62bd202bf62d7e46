#!/usr/bin/env python3
"""Does the README's table of results agree with the newest files in docs/results?

    tools/check_results.py [--write]

Exit code 1 with a diff where it does not; --write makes it agree. With no result file the block
must be empty.
"""

import argparse
import difflib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools/peers"))
import report

BEGIN, END = "<!-- results:begin -->\n", "<!-- results:end -->"
DATED = re.compile(r"\d{4}-\d\d-\d\d-(cpu|cuda)\.json")


def newest(folder):
    """The newest full result of each device; a quick one only where there is no other."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        match = DATED.fullmatch(path.name)
        if match:
            result = json.loads(path.read_text())
            rank = (not result["quick"], path.name)
            if rank > found.get(match[1], ((False, ""), None))[0]:
                found[match[1]] = (rank, result)
    return [found[device][1] for device in sorted(found)]


def block(results):
    return "\n".join(report.summary(result) for result in results)


def replaced(readme, text):
    head, rest = readme.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    return head + BEGIN + text + END + tail


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="make the README agree")
    parser.add_argument("--root", default=str(ROOT), help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    root = pathlib.Path(options.root)
    path = root / "README.md"
    readme = path.read_text()
    if BEGIN not in readme or END not in readme.split(BEGIN, 1)[1]:
        print(f"error: {path} has no results:begin and results:end markers", file=sys.stderr)
        return 1
    wanted = replaced(readme, block(newest(root / "docs/results")))
    if readme == wanted:
        return 0
    if options.write:
        path.write_text(wanted)
        return 0
    diff = difflib.unified_diff(
        readme.splitlines(True), wanted.splitlines(True), "README.md", "from docs/results"
    )
    sys.stdout.writelines(diff)
    print("error: README.md's results are not those of docs/results; "
          "tools/check_results.py --write", file=sys.stderr)  # fmt: skip
    return 1


if __name__ == "__main__":
    sys.exit(main())
