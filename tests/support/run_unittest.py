"""Runs a file of Python unit tests and reports as the C++ test binaries do (support/main.cpp)."""

import os
import pathlib
import sys
import unittest


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(path.parent))
    sys.dont_write_bytecode = True
    suite = unittest.defaultTestLoader.loadTestsFromName(path.stem)
    result = unittest.TextTestRunner(stream=sys.stderr).run(suite)
    failed = len({test.id().split(" ")[0] for test, _ in result.failures + result.errors})
    failed += len(result.unexpectedSuccesses)
    passed = result.testsRun - failed - len(result.skipped)
    lines = [f"skipped: {test.id()}: {reason}" for test, reason in result.skipped]
    print(*lines, f"{passed} passed, {failed} failed, {len(result.skipped)} skipped", sep="\n")
    if "HOURGLASS_TEST_REPORT" in os.environ:
        lines.append(f"counts {max(passed, 0)} {failed} {len(result.skipped)}")
        with open(os.environ["HOURGLASS_TEST_REPORT"], "a", encoding="utf-8") as report:
            report.write("\n".join(lines) + "\n")
    return 0 if result.wasSuccessful() and suite.countTestCases() > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
