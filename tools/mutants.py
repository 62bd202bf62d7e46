#!/usr/bin/env python3
"""Plants single faults into the CUDA kernels and engine, one at a time, and reports which ones the
tests on the emulator notice.

The faults are in tests/mutants/*.txt; every fault is a change of one place in one file. Works in a
copy of the tree under --build (default build-mutants/), so that nothing in the tree changes. Exit
status 1 when fewer than 95 % were noticed or a fault can no longer be planted.
"""
import argparse
import dataclasses
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COPIED = ["CMakeLists.txt", "cmake", "host", "include", "kernels", "tests", "tools"]
TARGETS = ["test_kernels", "test_cuda"]
LEAST_KILLED = 0.95


@dataclasses.dataclass
class Mutant:
    what: str
    file: str = ""
    target: str = ""
    filter: str = ""
    old: str = ""
    new: str = ""


def read_mutants(path: pathlib.Path) -> list[Mutant]:
    mutants: list[Mutant] = []
    for line in path.read_text().splitlines():
        if line.startswith("== "):
            mutants.append(Mutant(line[3:]))
        elif line.startswith("file: "):
            mutants[-1].file = line[6:]
        elif line.startswith("test: "):
            mutants[-1].target, mutants[-1].filter = line[6:].split(" ", 1)
        elif line.startswith("- "):
            mutants[-1].old += line[2:] + "\n"
        elif line.startswith("+"):
            mutants[-1].new += line[2:] + "\n"
    for mutant in mutants:  # the last line's end is not part of the text
        mutant.old, mutant.new = mutant.old[:-1], mutant.new[:-1]
    return mutants


def check_plantable(mutants: list[Mutant]) -> None:
    for mutant in mutants:
        count = (ROOT / mutant.file).read_text().count(mutant.old)
        if count != 1 or mutant.old == mutant.new or mutant.target not in TARGETS:
            sys.exit(f"mutants: '{mutant.what}': the old text stands {count} times in {mutant.file}; "
                     "mend the fault's description")


def run(command: list[str], log: pathlib.Path, seconds: float) -> int | None:
    """The exit status; None when it ran out of time."""
    with log.open("w") as output:
        try:
            return subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                                  timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            return None


class Workshop:
    """The copy of the tree and its build."""

    def __init__(self, folder: pathlib.Path, jobs: int) -> None:
        self.tree = folder / "tree"
        self.build = folder / "build"
        self.log = folder / "log.txt"
        self.jobs = jobs
        self.tree.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            self.copy(ROOT / name, self.tree / name)

    @staticmethod
    def copy(source: pathlib.Path, target: pathlib.Path) -> None:
        """Copies what differs, so that a second run builds only that."""
        for path in [source] if source.is_file() else source.rglob("*"):
            to = target / path.relative_to(source) if source.is_dir() else target
            if path.is_file() and not (to.exists() and to.read_bytes() == path.read_bytes()):
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)

    def configure(self) -> None:
        command = ["cmake", "-S", str(self.tree), "-B", str(self.build), "-G", "Ninja",
                   "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1", "-DHOURGLASS_CUDA=OFF"]
        if run(command, self.log, 300) != 0:
            sys.exit(f"mutants: cmake failed, see {self.log}")

    def make(self, target: str) -> bool:
        return run(["ninja", "-C", str(self.build), "-j", str(self.jobs), target], self.log, 900) == 0

    def notices(self, target: str, tests: str, seconds: float) -> str:
        """What noticed a fault; empty when all tests pass."""
        program = [str(self.build / target), "--abort"] + ([tests] if tests else [])
        status = run(program, self.log, seconds)
        if status == 0:
            return ""
        if status is None:
            return f"more than {seconds:.0f} s"
        return self.failed_test() + (f", signal {-status}" if status < 0 else "")

    def failed_test(self) -> str:
        """The name that Catch2 prints below a line of dashes above a failure."""
        lines = self.log.read_text(errors="replace").splitlines()
        for above, name in zip(lines, lines[1:]):
            if above.startswith("-----") and name.strip():
                return name.strip()
        return "exit status"

    def plant(self, mutant: Mutant) -> None:
        text = (ROOT / mutant.file).read_text()
        (self.tree / mutant.file).write_text(text.replace(mutant.old, mutant.new))

    def remove(self, mutant: Mutant) -> None:
        (self.tree / mutant.file).write_text((ROOT / mutant.file).read_text())

    def verdict(self, mutant: Mutant) -> str:
        """What noticed the fault; empty if nothing did."""
        self.plant(mutant)
        try:
            if not self.make(mutant.target):
                sys.exit(f"mutants: '{mutant.what}' does not compile, see {self.log}")
            found = self.notices(mutant.target, mutant.filter, 120)
            for target in TARGETS:  # the filter is a guess: ask all tests
                if not found and self.make(target):
                    found = self.notices(target, "", 600)
            return found
        finally:
            self.remove(mutant)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build-mutants")
    parser.add_argument("--only", default="", help="faults whose description holds this text")
    parser.add_argument("--list", action="store_true", help="check and list the faults")
    parser.add_argument("--jobs", type=int, default=2, help="of the build")
    parser.add_argument("--table", type=pathlib.Path, help="write a Markdown table of the results")
    arguments = parser.parse_args()

    mutants = [mutant for path in sorted((ROOT / "tests" / "mutants").glob("*.txt"))
               for mutant in read_mutants(path) if arguments.only in mutant.what]
    check_plantable(mutants)
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.file}: {mutant.what}")
        print(f"{len(mutants)} faults")
        return 0

    workshop = Workshop(arguments.build.resolve(), arguments.jobs)
    workshop.configure()
    for target in TARGETS:
        if not workshop.make(target) or workshop.notices(target, "", 600):
            sys.exit(f"mutants: {target} fails without any fault, see {workshop.log}")

    rows, survivors = [], []
    for number, mutant in enumerate(mutants, 1):
        begin = time.monotonic()
        found = workshop.verdict(mutant)
        if not found:
            survivors.append(mutant)
        print(f"{number:3} {'killed  ' if found else 'SURVIVED'} {mutant.what}"
              f"{' | ' + found if found else ''} ({time.monotonic() - begin:.0f} s)", flush=True)
        rows.append(f"| {number} | `{mutant.file}` | {mutant.what} | {found or '**survived**'} |")
    killed = len(mutants) - len(survivors)
    print(f"{killed} of {len(mutants)} killed, {100 * killed / len(mutants):.1f} %")
    if arguments.table:
        arguments.table.write_text("| | file | fault | noticed by |\n|---|---|---|---|\n"
                                   + "\n".join(rows) + "\n")
    return 0 if killed >= LEAST_KILLED * len(mutants) else 1


if __name__ == "__main__":
    sys.exit(main())
