"""The training step: losses of all from one start, then timed rounds in turn."""

import dataclasses
import pathlib
import statistics
import tempfile
import time

import judge
from jobs import Spinners
from machine import BUSY_SHARE, LoadMeter
from processes import Hourglass, NotRun, start_peer
from roster import Entry

LOSS_STEPS = 20


class Busy(Exception):
    """Others used the machine in too many rounds."""


@dataclasses.dataclass
class Setting:
    """What all batches share."""

    binary: str
    python: str
    device: str
    threads: int
    rounds: int
    round_seconds: float  # of steps of one participant in one round
    busy_ok: bool
    scratch: pathlib.Path
    say: object = print


class Participant:
    """A row and how to fill it."""

    def __init__(self, entry):
        self.entry = entry
        self.peer = None
        self.steps = 0
        self.row = {
            "name": entry.name,
            "precision": entry.precision,
            "status": "timed",
            "adam_form": "tensorflow",
            "rounds_ms": [],
        }

    def fail(self, error):
        self.row |= {"status": "not run", "reason": str(error)}
        self.close()

    def close(self):
        if self.peer is not None:
            self.peer.close()
            self.peer = None

    @property
    def able(self):
        return self.row["status"] == "timed"


class Batch:
    """All participants at one batch size. Use as a context: processes end with it."""

    def __init__(self, setting, batch, entries):
        self.setting = setting
        self.batch = batch
        made = tempfile.mkdtemp(prefix=f"batch-{batch}-", dir=setting.scratch)
        self.directory = pathlib.Path(made)
        self.hourglass = Hourglass(setting.binary, self.directory, setting.device, batch)
        self.participants = [Participant(entry) for entry in entries]
        self.loads = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for participant in self.participants:
            participant.close()

    @property
    def rows(self):
        return [participant.row for participant in self.participants]

    def prepare(self):
        """Exports the start, starts everybody, compares their losses, finds step counts."""
        self.hourglass.export(self.directory, max(64, 60000 // self.batch))
        for participant in self.participants:
            self.setting.say(
                f"batch {self.batch}: {participant.row['name']}, {participant.row['precision']}"
            )
            try:
                self._start(participant)
            except NotRun as error:
                participant.fail(error)
        judge.judge(self.rows, self._references())
        for participant in self.participants:
            if not participant.able:
                participant.close()
                continue
            try:
                self._calibrate(participant)
            except NotRun as error:
                participant.fail(error)

    def _start(self, participant):
        entry, row = participant.entry, participant.row
        if entry.is_hourglass:
            row["losses"] = self.hourglass.losses(LOSS_STEPS, entry.precision)
            return
        log = self.directory / f"{entry.script}-{entry.variant}-{entry.precision}.log"
        setting = self.setting
        participant.peer = start_peer(
            entry, setting.python, self.directory, log, setting.device, setting.threads
        )
        row["losses"] = participant.peer.losses(LOSS_STEPS)
        info = participant.peer.info()
        row |= {key: info[key] for key in ("adam_form", "compile_seconds", "versions", "threads")}

    def _references(self):
        """float64 losses by form of Adam, by NumPy; empty where NumPy is missing."""
        references = {}
        for form in sorted({row["adam_form"] for row in self.rows if row.get("losses")}):
            entry = Entry("NumPy, float64", "fp64", "numpy_reference.py", form)
            log = self.directory / "numpy.log"
            peer = start_peer(
                entry, self.setting.python, self.directory, log, "cpu", self.setting.threads
            )
            try:
                references[form] = peer.losses(LOSS_STEPS)
            except NotRun as error:
                self.setting.say(f"LOSSES NOT CHECKED ({form}): {error}")
            finally:
                peer.close()
        return references

    def _calibrate(self, participant):
        if participant.entry.is_hourglass and self.setting.device == "cpu":
            return  # `bench` finds its own number of steps
        participant.steps = 5
        milliseconds = self._time_one(participant)
        wanted = 1e3 * self.setting.round_seconds / milliseconds
        participant.steps = int(min(2000, max(3, wanted)))
        self._time_one(participant)

    def _time_one(self, participant):
        if participant.peer is not None:
            return participant.peer.time(participant.steps)
        return self.hourglass.time_training(participant.steps, participant.entry.precision)

    def round(self, number):
        """{participant: ms} of one turn of all, beginning with another one each time."""
        able = [p for p in self.participants if p.able]
        start = number % len(able) if able else 0
        found, bench = {}, None
        for participant in able[start:] + able[:start]:
            try:
                if participant.entry.is_hourglass and self.setting.device == "cpu":
                    if bench is None:
                        names = [p.entry.variant for p in able if p.entry.is_hourglass]
                        bench = self.hourglass.time(names)
                    found[id(participant)] = bench[participant.entry.variant]
                else:
                    found[id(participant)] = self._time_one(participant)
            except NotRun as error:
                participant.fail(error)
            time.sleep(0.05)  # its threads go to sleep
        return found

    def process_ids(self):
        return [p.peer.process_id for p in self.participants if p.peer is not None]

    def time_rounds(self):
        """Rounds in which others used the machine are made again; Busy after too many of them."""
        meter = LoadMeter(self.process_ids)
        quiet, attempts, limit = 0, 0, 2 * self.setting.rounds
        while quiet < self.setting.rounds:
            self.setting.say(f"batch {self.batch}: round {quiet + 1} of {self.setting.rounds}")
            meter.read()
            found = self.round(attempts)
            load = meter.read()
            attempts += 1
            if load > BUSY_SHARE and not self.setting.busy_ok:
                self.setting.say(f"others used {100 * load:.0f} % of the machine: once more")
                if attempts >= limit:
                    raise Busy(f"others used more than {100 * BUSY_SHARE:.0f} % of the machine")
                continue
            quiet += 1
            self.loads.append(load)
            for participant in self.participants:
                if id(participant) in found:
                    participant.row["rounds_ms"].append(found[id(participant)])

    def busy_machine(self, rounds):
        """Slowdown beside two spinning processes: the median over pairs of a quiet round and a busy
        one, taken in turn, so that neither has a faster machine than the other."""
        meter = LoadMeter(self.process_ids)
        pairs = []
        for number in range(2 * rounds):
            self.setting.say(f"busy machine: round {len(pairs) + 1} of {rounds}")
            meter.read()
            quiet = self.round(number)
            load = meter.read()
            if load > BUSY_SHARE and not self.setting.busy_ok:
                self.setting.say(f"others used {100 * load:.0f} % of the machine: once more")
                continue
            self.loads.append(load)
            with Spinners():
                pairs.append((quiet, self.round(number)))
            if len(pairs) == rounds:
                break
        else:
            raise Busy(f"others used more than {100 * BUSY_SHARE:.0f} % of the machine")
        rows = []
        for participant in self.participants:
            row = {key: participant.row[key] for key in ("name", "precision", "status")}
            key = id(participant)
            both = [(q[key], b[key]) for q, b in pairs if key in q and key in b]
            if participant.able and both:
                row["busy_ms"] = statistics.median(busy for _, busy in both)
                slowdowns = [busy / quiet for quiet, busy in both]
                row["slowdown"] = statistics.median(slowdowns)
                row["slowdown_min"], row["slowdown_max"] = min(slowdowns), max(slowdowns)
            else:
                row["reason"] = participant.row.get("reason", "")
            rows.append(row)
        return rows

    def result(self):
        floor = statistics.median(self.hourglass.floors) if self.hourglass.floors else None
        judge.summarise(self.rows, floor)
        report = self.hourglass.report
        return {
            "batch": self.batch,
            "floor_ms": floor,
            "multiply_add_gflops": report.get("multiply_add_gflops"),
            "kernels": report.get("kernels"),
            "native_bf16": report.get("native_bf16"),
            "load_of_others": self.loads,
            "rows": self.rows,
            "worst_pairs": judge.pairs(self.rows)[:10],
        }
