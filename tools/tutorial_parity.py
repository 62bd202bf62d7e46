#!/usr/bin/env python3
"""Is the tutorial preset a draw from TensorFlow's distribution?

Trains seeds 0 to 19 with `hourglass train --preset tutorial` and compares last loss, test MSE and
dead outputs with the 20 TensorFlow runs in docs/results/tensorflow-tutorial-runs.csv by the exact
two-sample Kolmogorov-Smirnov test. Writes a Markdown table; exits 7 when any p is 0.01 or less.

    tools/tutorial_parity.py [--binary build/hourglass] [--out docs/results/DATE-tutorial-parity.md]
"""

import argparse
import csv
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile
from math import comb

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIGURES = {"last loss": "epoch4", "test MSE": "test_mse", "dead outputs": "dead_outputs"}
THRESHOLD = 0.01


def ks_statistic(a, b):
    """Largest distance of the two empirical distributions, as a whole number of 1 / (len a * len b)."""
    values = sorted(set(a) | set(b))
    return max(
        abs(sum(x <= v for x in a) * len(b) - sum(x <= v for x in b) * len(a)) for v in values
    )


def ks_p_value(a, b):
    """Exact P(statistic >= observed): counts lattice paths that stay inside the band (Hodges 1958)."""
    n, m, limit = len(a), len(b), ks_statistic(a, b)
    inside = [[0] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            if abs(i * m - j * n) >= limit:
                continue
            if i == j == 0:
                inside[i][j] = 1
            else:
                inside[i][j] = (inside[i - 1][j] if i else 0) + (inside[i][j - 1] if j else 0)
    return 1 - inside[n][m] / comb(n + m, n)


def tensorflow_runs():
    path = ROOT / "docs/results/tensorflow-tutorial-runs.csv"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def train(binary, seed, data, directory):
    command = [binary, "train", "--preset", "tutorial", "--seed", str(seed), "--data", data]
    command += ["--json", "--force", "--out", directory]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=str(ROOT / "build/hourglass"))
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--out", default="")
    parser.add_argument("--seeds", type=int, default=20)
    arguments = parser.parse_args()

    results = []
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(arguments.seeds):
            result = train(arguments.binary, seed, arguments.data, directory + "/run")
            if result["dataset"]["builtin"]:
                sys.exit("error: real MNIST is needed; the built-in images took its place")
            results.append(result)
            print(f"seed {seed}: test MSE {result['test']['mse']:.5f}", file=sys.stderr)

    ours = {
        "last loss": [r["losses"][-1] for r in results],
        "test MSE": [r["test"]["mse"] for r in results],
        "dead outputs": [float(r["dead"]["outputs"]) for r in results],
    }
    theirs = {key: [float(run[column]) for run in tensorflow_runs()] for key, column in FIGURES.items()}

    today = datetime.date.today().isoformat()
    lines = [f"# The tutorial preset against TensorFlow ({today})", ""]
    lines += [f"`tools/tutorial_parity.py`, {arguments.seeds} seeds of `--preset tutorial` against the "
              "20 runs in `tensorflow-tutorial-runs.csv`; exact two-sample Kolmogorov-Smirnov test.", "",
              f"Engine: {results[0]['engine']} {results[0]['precision']}, {results[0]['device']}.", "",
              "| figure | hourglass, median (min to max) | TensorFlow, median (min to max) | p |",
              "|---|---|---|---|"]
    worst = 1.0
    for key in FIGURES:
        p = ks_p_value(ours[key], theirs[key])
        worst = min(worst, p)
        cells = []
        for values in (ours[key], theirs[key]):
            ordered = sorted(values)
            median = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
            cells.append(f"{median:.5g} ({ordered[0]:.5g} to {ordered[-1]:.5g})")
        lines.append(f"| {key} | {cells[0]} | {cells[1]} | {p:.3f} |")
    lines += ["", "| seed | last loss | test MSE | dead outputs | dead code units |", "|---|---|---|---|---|"]
    for r in results:
        lines.append(f"| {r['seed']} | {r['losses'][-1]:.5f} | {r['test']['mse']:.5f} "
                     f"| {r['dead']['outputs']} | {r['dead']['code']} |")
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        pathlib.Path(arguments.out).write_text(text)
    if worst <= THRESHOLD:
        sys.exit(7)


if __name__ == "__main__":
    main()
