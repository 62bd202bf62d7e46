#!/usr/bin/env python3
"""Writes tests/golden/tutorial_losses.json: the first 20 losses of the tutorial's recipe (batch
150, seed 0, real MNIST) by NumPy in float64, and what the peers make of them.

    tools/peers/make_golden.py [--python build/peers-venv/bin/python]

hourglass gives the start and the batch order; the arithmetic is numpy_reference.py's own.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
import judge
import roster
from compare import ROOT, require_mnist, say
from measure import LOSS_STEPS
from processes import Hourglass, NotRun, start_peer

FORMS = ("tensorflow", "kingma_ba")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=str(ROOT / "build/peers-venv/bin/python"))
    parser.add_argument("--binary", default=str(ROOT / "build/hourglass"))
    parser.add_argument("--out", default=str(ROOT / "tests/golden/tutorial_losses.json"))
    options = parser.parse_args()
    threads = len(os.sched_getaffinity(0))

    with tempfile.TemporaryDirectory() as directory:
        Hourglass(options.binary, directory).export(directory, LOSS_STEPS)
        require_mnist(pathlib.Path(directory) / "train-images.idx")
        log = pathlib.Path(directory) / "peer.log"

        def ask(entry):
            say(f"{entry.name}, {entry.variant}, {entry.precision}")
            peer = start_peer(entry, options.python, directory, log, "cpu", threads)
            try:
                losses = peer.losses(LOSS_STEPS)
                return losses, peer.info()
            finally:
                peer.close()

        golden = {
            "about": "First losses of the tutorial's recipe: MNIST's last 55,000 training images, "
            "batch 150, seed 0, before each update. Made by tools/peers/make_golden.py.",
            "batch": 150,
            "seed": 0,
            "float64": {},
            "tolerance_fp32": judge.TOLERANCES["fp32"],
            "peers": [],
        }
        references = {}
        for form in FORMS:
            entry = roster.Entry("NumPy, float64", "fp64", "numpy_reference.py", form)
            golden["float64"][form] = references[form] = ask(entry)[0]
        for entry in roster.cpu_entries():
            if entry.is_hourglass:
                continue
            try:
                losses, info = ask(entry)
            except NotRun as error:
                sys.exit(f"error: {entry.name}: {error}")
            form = info["adam_form"]
            if form not in references:
                reference = roster.Entry("NumPy, float64", "fp64", "numpy_reference.py", form)
                references[form] = ask(reference)[0]
            golden["peers"].append(
                {
                    "name": entry.name,
                    "precision": entry.precision,
                    "versions": info["versions"],
                    "adam_form": form,
                    "deviation": judge.deviation(losses, references[form]),
                    "losses": losses,
                }
            )
    path = pathlib.Path(options.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden, indent=1) + "\n")
    say(f"wrote {path}")


if __name__ == "__main__":
    main()
