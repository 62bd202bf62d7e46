"""The programs that are compared, as the driver sees them: peers as persistent processes that speak
JSON lines, hourglass as a command. All have `losses(steps)` and `time(steps)`."""

import contextlib
import json
import os
import pathlib
import select
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent


class NotRun(Exception):
    """Why a participant has no number."""


class PeerProcess:
    """A peer's process. Every answer has a deadline; one that misses it is killed."""

    def __init__(self, command, log, environment=None, answer_seconds=600):
        self.answer_seconds = answer_seconds
        self.log = log
        self.pending = b""
        with open(log, "wb") as stderr:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                env={**os.environ, **(environment or {})},
            )

    @property
    def process_id(self):
        return self.process.pid

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            reply = json.loads(self._line())
        except (OSError, ValueError) as error:
            raise NotRun(self._last_words() or str(error)) from error
        if "error" in reply:
            raise NotRun(reply["error"])
        return reply

    def _line(self):
        deadline = time.monotonic() + self.answer_seconds
        while b"\n" not in self.pending:
            ready, _, _ = select.select(
                [self.process.stdout], [], [], max(0.0, deadline - time.monotonic())
            )
            if not ready:
                self.close()
                raise NotRun(f"no answer within {self.answer_seconds} s")
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                raise NotRun(self._last_words() or "the process ended without an answer")
            self.pending += chunk
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def _last_words(self):
        lines = pathlib.Path(self.log).read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def losses(self, steps):
        return self.ask(command="losses", steps=steps)["losses"]

    def time(self, steps):
        """Milliseconds a step."""
        reply = self.ask(command="time", steps=steps)
        return 1e3 * reply["seconds"] / reply["steps"]

    def info(self):
        return self.ask(command="info")

    def close(self):
        with contextlib.suppress(OSError):  # what a dead process has not read
            self.process.stdin.close()
        if self.process.poll() is None:
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def start_peer(entry, python, directory, log, device, threads):
    command = [python, str(HERE / entry.script), "--start", str(directory)]
    command += ["--variant", entry.variant, "--precision", entry.precision]
    command += ["--device", device, "--threads", str(threads)]
    return PeerProcess(command, log, peer_environment(threads, device))


def peer_environment(threads, device="cpu"):
    environment = {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Frameworks share a GPU here: none may take all of its memory.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if device == "cpu":
        environment |= {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return environment


class Hourglass:
    """The command, at one batch size."""

    process_id = None

    def __init__(self, binary, scratch, device="cpu", batch=150):
        self.binary, self.device, self.batch = str(binary), device, batch
        self.scratch = pathlib.Path(scratch)
        self.floors, self.report = [], {}

    def run(self, *arguments):
        command = [self.binary, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        except (OSError, subprocess.SubprocessError) as error:
            raise NotRun(str(error)) from error
        if done.returncode != 0:
            words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise NotRun(words[-1][:300])
        return done.stdout

    def export(self, directory, steps):
        self.run("bench", "--export", directory, "--batch", self.batch, "--steps", steps)

    def train(self, *arguments, device=None):
        """The result as --json prints it, with the run directory left in `scratch`."""
        arguments = [*arguments, "--device", device or self.device]
        out = self.run("train", *arguments, "--json", "--force", "--out", self.scratch / "run")
        return json.loads(out)

    def losses(self, steps, precision="fp32", form="tensorflow"):
        self.train(
            "--preset", "tutorial", "--batch", self.batch, "--steps", steps,
            "--precision", precision, "--adam-form", form,
        )  # fmt: skip
        lines = (self.scratch / "run/metrics.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        found = [event["loss"] for event in events if event["event"] == "step"]
        if len(found) < steps:
            raise NotRun(f"{len(found)} losses instead of {steps}")
        return found[:steps]

    def time(self, names):
        """{name: milliseconds a step} of one round of `bench`, the floor measured beside it."""
        report = json.loads(
            self.run(
                "bench", "--json", "--rounds", 1, "--only", ",".join(names), "--batch", self.batch
            )
        )
        self.report = report
        self.floors.append(report["floor_ms"])
        return {result["name"]: result["median_ms"] for result in report["results"]}

    def time_training(self, steps, precision):
        """On a GPU: milliseconds a step inside `train`."""
        result = self.train(
            "--preset", "tutorial", "--batch", self.batch, "--steps", steps,
            "--precision", precision,
        )  # fmt: skip
        return result["ms_per_step"]


def wall_seconds(command, environment=None):
    """(seconds from before the process starts until it has ended, its stdout)."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=3600,
            env={**os.environ, **(environment or {})},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise NotRun(str(error)) from error
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotRun(words[-1][:300])
    return seconds, done.stdout
