"""Whole jobs: the tutorial from process start to test MSE, time to a quality, a busy machine."""

import json
import pathlib
import statistics
import subprocess
import sys

from processes import HERE, NotRun, peer_environment, wall_seconds

FRAMEWORKS = {
    "torch": "PyTorch, eager, fused Adam",
    "jax": "JAX, jit + lax.scan an epoch",
    "tensorflow": "TensorFlow, session loop",
}
QUALITIES = (1.81, 1.50)  # test SE; the first is PCA with 196 numbers
EPOCHS = 5


class Jobs:
    """Runs jobs as processes of their own. `directory` is an export of 1,830 steps of 150."""

    def __init__(self, hourglass, python, directory, device, threads, say):
        self.hourglass, self.python, self.device = hourglass, python, device
        self.directory, self.threads, self.say = pathlib.Path(directory), threads, say

    def peer(self, framework, recipe, epochs, directory=None):
        """(seconds, result) of whole_job.py."""
        command = [self.python, str(HERE / "whole_job.py"), "--framework", framework]
        command += ["--start", str(directory or self.directory), "--recipe", recipe]
        command += ["--epochs", str(epochs), "--device", self.device]
        command += ["--threads", str(self.threads)]
        seconds, out = wall_seconds(command, peer_environment(self.threads, self.device))
        return seconds, json.loads(out)

    def ours(self, preset, epochs=EPOCHS):
        command = [self.hourglass.binary, "train", "--preset", preset, "--epochs", str(epochs)]
        command += ["--device", self.device, "--json", "--force"]
        command += ["--out", str(self.hourglass.scratch / "job")]
        seconds, out = wall_seconds(command)
        report = json.loads(out)
        return seconds, {"test_mse": report["test"]["mse"], "test_se": report["test"]["se"]}

    def whole_job(self, rounds):
        """The tutorial's 1,830 steps and its test MSE, interleaved."""
        runs = {"hourglass": lambda: self.ours("tutorial")}
        for framework, name in FRAMEWORKS.items():
            runs[name] = lambda framework=framework: self.peer(framework, "tutorial", EPOCHS)
        rows = {name: {"name": name, "status": "timed", "rounds_s": []} for name in runs}
        for _ in range(rounds):
            for name, run in runs.items():
                row = rows[name]
                if row["status"] != "timed":
                    continue
                self.say(f"whole job: {name}")
                try:
                    seconds, result = run()
                    row["rounds_s"].append(seconds)
                    row |= result
                except NotRun as error:
                    row |= {"status": "not run", "reason": str(error)}
        return self._finish(rows)

    @staticmethod
    def _finish(rows):
        for row in rows.values():
            if row["status"] == "timed":
                row["median_s"] = statistics.median(row["rounds_s"])
                row["min_s"], row["max_s"] = min(row["rounds_s"]), max(row["rounds_s"])
        return list(rows.values())

    def principal_start(self):
        """A directory as exported, but with hourglass's principal initialisation: what one step at
        a rate too small to change a number leaves."""
        directory = self.hourglass.scratch / "principal"
        directory.mkdir(exist_ok=True)
        self.hourglass.train("--preset", "principal", "--steps", 1, "--lr", "1e-30", device="cpu")
        model = self.hourglass.scratch / "run/model.safetensors"
        (directory / "start.safetensors").write_bytes(model.read_bytes())
        for name in ("order.npy", "train-images.idx", "test-images.idx"):
            link = directory / name
            link.unlink(missing_ok=True)
            link.symlink_to((self.directory / name).resolve())
        return directory

    def quality(self):
        """Seconds from process start to the end of the shortest run of whole epochs (the schedule
        made for that length) whose test SE is small enough. What has not got there in five
        epochs is not tried with fewer."""
        start = self.principal_start()
        plans = [("hourglass", "its default", lambda epochs: self.ours("principal", epochs))]
        for framework, name in FRAMEWORKS.items():
            for recipe, where in (
                ("tutorial", self.directory),
                ("plain", self.directory),
                ("principal", start),
            ):
                plans.append(
                    (
                        name,
                        recipe,
                        lambda epochs, f=framework, r=recipe, w=where: self.peer(f, r, epochs, w),
                    )
                )
        rows = []
        for name, recipe, run in plans:
            self.say(f"time to quality: {name}, {recipe}")
            row = {"name": name, "recipe": recipe, "status": "timed"}
            try:
                row |= time_to_quality(run, search=recipe in ("its default", "principal"))
            except NotRun as error:
                row |= {"status": "not run", "reason": str(error)}
            rows.append(row)
        return rows


def time_to_quality(run, search):
    """`run(epochs)` gives (seconds, result). {"reached": {"1.81": s or None}, "test_se", "epochs"}
    of the last run. Without `search` only the longest run is made."""
    reached = {f"{quality:.2f}": None for quality in QUALITIES}
    for epochs in range(1, EPOCHS + 1) if search else [EPOCHS]:
        seconds, result = run(epochs)
        for quality in QUALITIES:
            if reached[f"{quality:.2f}"] is None and result["test_se"] <= quality:
                reached[f"{quality:.2f}"] = seconds
        if all(value is not None for value in reached.values()):
            break
    return {"reached": reached, "test_se": result["test_se"], "epochs": epochs}


class Spinners:
    """Processes that do nothing but use a core each, for the time of a `with` block."""

    def __init__(self, count=2):
        self.count = count

    def __enter__(self):
        command = [sys.executable, "-c", "while True: pass"]
        self.processes = [subprocess.Popen(command) for _ in range(self.count)]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
