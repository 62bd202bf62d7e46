#!/usr/bin/env python3
"""Measures hourglass and its peers on the same work, interleaved; see docs/results/README.md.

Exit codes: 0 done (rows that could not run say so), 1 hourglass itself failed, 3 no real MNIST,
75 the machine is busy.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import signal
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
import machine
import measure
import report
import roster
from jobs import Jobs
from processes import Hourglass, NotRun

ROOT = pathlib.Path(__file__).resolve().parents[2]
BATCHES = {"cpu": [150, 512, 1024, 4096], "cuda": [150, 512, 1024, 4096, 16384, 60000]}
PARTS = ["steps", "whole-job", "quality", "busy-machine"]
JOB_STEPS = 1830  # the tutorial: 5 epochs of 366


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments(words=None):
    def numbers(text):
        return [int(x) for x in text.split(",")]

    parser = argparse.ArgumentParser(
        prog="tools/compare.sh", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--quick", action="store_true", help="batch 150, 3 rounds, no long jobs")
    parser.add_argument("--batches", type=numbers, help="for example 150,1024")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (7; quick 3)")
    parser.add_argument("--parts", help=f"of {','.join(PARTS)} (all; quick: the first two)")
    parser.add_argument("--busy-ok", action="store_true", help="go on when busy, and say so")
    parser.add_argument("--out", default=str(ROOT / "docs/results"), help="where results go")
    parser.add_argument("--python", default=sys.executable, help="with the frameworks")
    parser.add_argument("--binary", default=str(ROOT / "build/hourglass"))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args(words)
    options.batches = options.batches or ([150] if options.quick else BATCHES[options.device])
    options.rounds = options.rounds or (3 if options.quick else 7)
    parts = options.parts.split(",") if options.parts else PARTS[: 2 if options.quick else None]
    for part in parts:
        if part not in PARTS:
            parser.error(f"--parts: expected {', '.join(PARTS)}, found {part}")
    options.parts = parts
    return options


def require_mnist(path):
    """The export falls back to built-in images where MNIST is missing; a comparison does not."""
    with open(path, "rb") as file:
        _, count, rows, cols = struct.unpack(">IIII", file.read(16))
    if (count, rows, cols) != (55000, 28, 28):
        say(
            f"error: expected MNIST's 55000 images of 28x28, found {count} of {rows}x{cols}. "
            "Fetch it with tools/fetch_mnist.py or set HOURGLASS_DATA_DIR."
        )
        sys.exit(3)


def without_gpu(options):
    """The table of a machine that has none, on stdout."""
    for entry in roster.entries("cuda"):
        print(f"{entry.name}, {entry.precision}: not run (no NVIDIA GPU on this machine)")
    return 0


def run_batches(options, result, scratch):
    """Writes the result after each batch: a run that is cut off keeps what it has measured."""
    setting = measure.Setting(
        binary=options.binary,
        python=options.python,
        device=options.device,
        threads=options.threads,
        rounds=options.rounds,
        round_seconds=0.4 if options.quick else 1.0,
        busy_ok=options.busy_ok,
        scratch=scratch,
        say=say,
    )
    for size in options.batches:
        with measure.Batch(setting, size, roster.entries(options.device)) as batch:
            batch.prepare()
            batch.time_rounds()
            if size == 150 and "busy-machine" in options.parts:
                result["busy_machine"] = batch.busy_machine(3 if options.quick else 5)
            result["batches"].append(batch.result())
        write(options, result)


def run_jobs(options, result, scratch):
    directory = scratch / "job"
    hourglass = Hourglass(options.binary, scratch, options.device)
    hourglass.export(directory, JOB_STEPS)
    jobs = Jobs(hourglass, options.python, directory, options.device, options.threads, say)
    if "whole-job" in options.parts:
        result["whole_job"] = jobs.whole_job(1 if options.quick else 3)
        write(options, result)
    if "quality" in options.parts:
        result["quality"] = jobs.quality()
        write(options, result)


def collect_versions(options, result):
    found = result.setdefault("versions", {})
    found["hourglass"] = Hourglass(options.binary, ".").run("--version").strip().split()[-1]
    for block in result["batches"]:
        for row in block["rows"]:
            found |= row.pop("versions", {})


def write(options, result, complete=False):
    """DATE-DEVICE.json and .md; with `.partial` in their names until the run is complete."""
    collect_versions(options, result)
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{result['date']}-{options.device}"
    partial = [folder / f"{stem}.partial{ending}" for ending in (".json", ".md")]
    partial[0].write_text(json.dumps(result, indent=1) + "\n")
    partial[1].write_text(report.markdown(result))
    if complete:
        for path in partial:
            path.replace(folder / path.name.replace(".partial", ""))
        say(f"wrote {folder / stem}.json and .md")


def main():
    options = arguments()
    if options.device == "cuda" and not machine.gpu_name():
        return without_gpu(options)
    load = machine.idle_load()
    if load > machine.BUSY_SHARE:
        say(f"BUSY: other processes use {100 * load:.0f} % of this machine.")
        if not options.busy_ok:
            say("error: a timing now would prove nothing. Wait, or give --busy-ok.")
            return 75
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `finally` cleans up
    # Cold compiler caches: compile seconds are what a first run pays.
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="hourglass-compare-"))
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(scratch / "inductor")
    result = {
        "date": datetime.date.today().isoformat(),
        "device": options.device,
        "machine": machine.describe(),
        "threads": options.threads,
        "rounds": options.rounds,
        "quick": options.quick,
        "load_before": load,
        "batches": [],
    }
    try:
        probe = Hourglass(options.binary, scratch, options.device)
        probe.export(scratch / "probe", 1)
        require_mnist(scratch / "probe/train-images.idx")
        if "steps" in options.parts or "busy-machine" in options.parts:
            run_batches(options, result, scratch)
        if "whole-job" in options.parts or "quality" in options.parts:
            run_jobs(options, result, scratch)
    except measure.Busy as error:
        say(f"error: {error}. Wait, or give --busy-ok.")
        return 75
    except NotRun as error:
        say(f"error: hourglass: {error}")
        return 1
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    write(options, result, complete=True)
    print(report.markdown(result), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
