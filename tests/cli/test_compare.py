"""Tests of tools/compare.sh's driver with fake peers: no framework, no MNIST, no timing."""

import contextlib
import io
import json
import math
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools/peers")]
import check_results
import compare
import jobs
import judge
import machine
import measure
import processes
import report
from roster import Entry

LOSSES = [0.1, 4.0, 0.09]

FAKE_PEER = """
import json, sys, time
behaviour = sys.argv[1]
for line in sys.stdin:
    request = json.loads(line)
    if behaviour == "dies":
        sys.exit("ImportError: no such framework")
    if behaviour == "hangs":
        time.sleep(60)
    if behaviour == "refuses":
        reply = {"error": "RuntimeError: no"}
    elif request["command"] == "losses":
        reply = {"losses": [0.1] * request["steps"]}
    else:
        reply = {"seconds": 0.5, "steps": 2 * request["steps"]}
    print(json.dumps(reply), flush=True)
"""


def row(name, precision="fp32", losses=None, rounds=(), **more):
    return {
        "name": name,
        "precision": precision,
        "status": "timed",
        "adam_form": "tensorflow",
        "losses": LOSSES if losses is None else losses,
        "rounds_ms": list(rounds),
        **more,
    }


def result_of(rows, **more):
    judge.judge(rows, {"tensorflow": LOSSES})
    judge.summarise(rows, 2.0)
    block = {
        "batch": 150,
        "floor_ms": 2.0,
        "multiply_add_gflops": 234.0,
        "kernels": "avx512",
        "native_bf16": True,
        "load_of_others": [0.0],
        "rows": rows,
        "worst_pairs": judge.pairs(rows),
    }
    return {
        "date": "2026-01-02",
        "device": "cpu",
        "machine": {"cpu": "A CPU", "cores": 2, "instructions": ["avx2"], "gpu": ""},
        "threads": 2,
        "rounds": 3,
        "quick": False,
        "load_before": 0.0,
        "versions": {"hourglass": "1", "jax": "2"},
        "batches": [block],
        **more,
    }


class Agreement(unittest.TestCase):
    def test_deviation_is_the_largest_relative_difference(self):
        self.assertEqual(judge.deviation([1.0, 2.0], [1.0, 2.0]), 0)
        self.assertAlmostEqual(judge.deviation([1.0, 2.2], [1.0, 2.0]), 0.1)
        self.assertEqual(judge.deviation([1.0], [1.0, 2.0]), math.inf)
        self.assertEqual(judge.deviation([1.0, math.nan], [1.0, 2.0]), math.inf)
        self.assertEqual(judge.deviation([], []), math.inf)

    def test_a_peer_that_disagrees_is_wrong_and_has_no_time(self):
        rows = [
            row("hourglass", rounds=[2.0]),
            row("good", losses=[0.1, 4.0001, 0.09], rounds=[4.0]),
            row("bad", losses=[0.1, 4.01, 0.09], rounds=[1.0]),
        ]
        judge.judge(rows, {"tensorflow": LOSSES})
        judge.summarise(rows, None)
        self.assertEqual([r["status"] for r in rows], ["timed", "timed", "wrong"])
        self.assertNotIn("median_ms", rows[2])
        self.assertEqual(rows[0]["ratio_to_best_peer"], 0.5)  # not to the wrong one
        self.assertIn("WRONG", report.batch_row(rows[2]))

    def test_hourglass_is_judged_like_the_others(self):
        rows = [row("hourglass", losses=[0.2, 4.0, 0.09])]
        judge.judge(rows, {"tensorflow": LOSSES})
        self.assertEqual(rows[0]["status"], "wrong")

    def test_each_class_has_its_own_tolerance_and_its_own_best_peer(self):
        rows = [
            row("hourglass", "bf16", [0.1, 4.04, 0.09], [1.0]),
            row("a", "bf16", [0.1, 4.04, 0.09], [4.0]),
            row("b", "fp32", rounds=[2.0]),
        ]
        judge.judge(rows, {"tensorflow": LOSSES})
        judge.summarise(rows, None)
        self.assertEqual([r["status"] for r in rows], ["timed"] * 3)
        self.assertEqual(rows[0]["ratio_to_best_peer"], 0.25)

    def test_forms_of_adam_are_not_mixed(self):
        other = [0.1, 4.7, 0.09]
        rows = [row("hourglass"), row("a", losses=other, adam_form="kingma_ba")]
        judge.judge(rows, {"tensorflow": LOSSES, "kingma_ba": other})
        self.assertEqual(rows[1]["status"], "timed")
        self.assertNotIn("deviation_from_hourglass", rows[1])
        self.assertEqual(judge.pairs(rows), [])


class Statistics(unittest.TestCase):
    def test_median_spread_and_ratios(self):
        rows = [row("hourglass", rounds=[3.0, 1.0, 2.0]), row("a", rounds=[9.0, 4.0, 5.0])]
        judge.summarise(rows, 4.0)
        ours = rows[0]
        self.assertEqual((ours["median_ms"], ours["min_ms"], ours["max_ms"]), (2.0, 1.0, 3.0))
        self.assertEqual(ours["ratio_to_best_peer"], 0.4)
        self.assertEqual(ours["ratio_to_floor"], 0.5)
        self.assertEqual(rows[1]["ratio_to_best_peer"], 1.0)

    def test_the_best_peer_is_the_fastest(self):
        rows = [row("hourglass", rounds=[1.0]), row("a", rounds=[4.0]), row("b", rounds=[5.0])]
        judge.summarise(rows, None)
        self.assertEqual([r["ratio_to_best_peer"] for r in rows], [0.25, 1.0, 1.25])

    def test_no_peer_means_no_ratio(self):
        rows = [row("hourglass", rounds=[3.0]), row("a", status="not run", reason="no wheel")]
        judge.summarise(rows, None)
        self.assertIsNone(rows[0]["ratio_to_best_peer"])
        self.assertIsNone(rows[0]["ratio_to_floor"])

    def test_targets(self):
        rows = [row("hourglass", rounds=[3.0]), row("a", rounds=[4.0])]
        (aim,) = judge.targets(result_of(rows))
        self.assertEqual((aim["measured"], aim["limit"]), (0.75, 0.70))
        self.assertIn("**missed**", report.targets_section(result_of(rows)))


class TimeToQuality(unittest.TestCase):
    def run_with(self, qualities, search):
        tried = []

        def run(epochs):
            tried.append(epochs)
            return 10.0 * epochs, {"test_se": qualities[epochs - 1]}

        return jobs.time_to_quality(run, search), tried

    def test_the_shortest_run_that_gets_there(self):
        found, tried = self.run_with([1.7, 1.6, 1.4, 1.3, 1.2], True)
        self.assertEqual(found["reached"], {"1.81": 10.0, "1.50": 30.0})
        self.assertEqual(tried, [1, 2, 3])

    def test_not_reached(self):
        found, tried = self.run_with([9, 9, 9, 9, 2.95], False)
        self.assertEqual(found["reached"], {"1.81": None, "1.50": None})
        self.assertEqual(tried, [5])
        row = {"name": "a", "recipe": "plain", "status": "timed", **found}
        line = report.quality_section([row])
        self.assertIn("not reached in 5 epochs", line)
        self.assertIn("SE 2.95", line)


class Machine(unittest.TestCase):
    STAT = "cpu  100 10 20 800 30 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"

    def test_waiting_is_idle_and_steal_is_busy(self):
        self.assertEqual(machine.cpu_ticks(self.STAT), (170, 1000))

    def test_ticks_of_a_process_with_a_strange_name(self):
        text = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 20 0 1 0 99"
        self.assertEqual(machine.process_ticks(text), 127)

    def meter(self, readings):
        """A LoadMeter over (busy, all, own) readings."""
        values = iter(readings)
        current = [None]

        def ticks(_):
            current[0] = next(values)
            return current[0][:2]

        with (
            mock.patch.object(machine, "cpu_ticks", ticks),
            mock.patch.object(machine, "own_ticks", lambda _: current[0][2]),
        ):
            meter = machine.LoadMeter()
            return [meter.read() for _ in readings[1:]]

    def test_only_others_count(self):
        self.assertEqual(self.meter([(0, 0, 0), (150, 200, 150), (300, 400, 200)]), [0.0, 0.5])

    def test_rounding_does_not_go_below_zero(self):
        self.assertEqual(self.meter([(0, 0, 0), (10, 100, 12), (10, 100, 12)]), [0.0, 0.0])

    def test_a_busy_machine_is_refused(self):
        with (
            mock.patch.object(machine, "idle_load", lambda: 0.5),
            mock.patch.object(sys, "argv", ["compare.py"]),
            contextlib.redirect_stderr(io.StringIO()) as said,
        ):
            self.assertEqual(compare.main(), 75)
        self.assertIn("BUSY", said.getvalue())

    def test_a_busy_table_is_loud(self):
        rows = [row("hourglass", rounds=[1.0])]
        self.assertNotIn("BUSY", report.markdown(result_of(rows)))
        loud = result_of(rows, load_before=0.3)
        self.assertIn("BUSY MACHINE: others used up to 30 %", report.markdown(loud))
        self.assertIn("BUSY MACHINE", report.summary(loud))


class FakePeers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "peer.py").write_text(FAKE_PEER)

    def peer(self, behaviour, seconds=20):
        command = [sys.executable, str(self.folder / "peer.py"), behaviour]
        peer = processes.PeerProcess(command, self.folder / "log", answer_seconds=seconds)
        self.addCleanup(peer.close)
        return peer

    def test_answers(self):
        peer = self.peer("works")
        self.assertEqual(peer.losses(2), [0.1, 0.1])
        self.assertEqual(peer.time(5), 50.0)  # by the steps it made, not those asked for

    def test_failures_say_why(self):
        for behaviour, words in (("dies", "no such framework"), ("refuses", "RuntimeError: no")):
            with self.assertRaisesRegex(processes.NotRun, words):
                self.peer(behaviour).losses(2)

    def test_a_peer_that_hangs_is_ended(self):
        peer = self.peer("hangs", 0.3)
        with self.assertRaisesRegex(processes.NotRun, "no answer within"):
            with mock.patch.object(peer.process, "wait", side_effect=self.wait_shortly(peer)):
                peer.losses(2)
        self.assertIsNotNone(peer.process.poll())

    @staticmethod
    def wait_shortly(peer):
        wait = peer.process.wait
        return lambda timeout=None: wait(timeout=0.1 if timeout else None)

    def batch(self, loads, busy_ok=False, rounds=2):
        """A batch of one fake peer whose rounds see `loads`."""
        setting = measure.Setting(
            "", "", "cpu", 1, rounds, 0.1, busy_ok, self.folder, lambda _: None
        )
        batch = measure.Batch(setting, 150, [Entry("a", "fp32", "x.py")])
        participant = batch.participants[0]
        participant.peer, participant.steps = self.peer("works"), 10
        values = iter([value for load in loads for value in (0.0, load)])
        meter = mock.Mock(read=lambda: next(values))
        with mock.patch.object(measure, "LoadMeter", lambda _: meter):
            batch.time_rounds()
        return batch

    def test_disturbed_rounds_are_made_again(self):
        batch = self.batch([0.0, 0.4, 0.01])
        self.assertEqual(batch.loads, [0.0, 0.01])
        self.assertEqual(batch.rows[0]["rounds_ms"], [25.0] * 2)

    def test_too_many_disturbed_rounds_end_the_run(self):
        with self.assertRaises(measure.Busy):
            self.batch([0.4] * 4)
        self.assertEqual(self.batch([0.4] * 2, busy_ok=True).loads, [0.4, 0.4])

    def test_a_peer_that_fails_in_a_round_leaves_the_rest(self):
        setting = measure.Setting("", "", "cpu", 1, 2, 0.1, True, self.folder, lambda _: None)
        entries = [Entry("a", "fp32", "x.py"), Entry("b", "fp32", "x.py")]
        with measure.Batch(setting, 150, entries) as batch:
            for participant, behaviour in zip(batch.participants, ("works", "dies")):
                participant.peer, participant.steps = self.peer(behaviour), 10
            batch.time_rounds()
        self.assertEqual([r["status"] for r in batch.rows], ["timed", "not run"])
        self.assertEqual(len(batch.rows[0]["rounds_ms"]), 2)

    def test_spinners_end_with_their_block(self):
        with (spinners := jobs.Spinners(1)):
            self.assertIsNone(spinners.processes[0].poll())
        self.assertIsNotNone(spinners.processes[0].poll())


class Tables(unittest.TestCase):
    def rows(self):
        return [
            row("hourglass", rounds=[1.5]),
            row("JAX", rounds=[4.0], compile_seconds=1.25),
            row("Keras", status="not run", reason="ModuleNotFoundError", losses=[]),
        ]

    def test_markdown(self):
        text = report.markdown(result_of(self.rows()))
        self.assertIn("| **hourglass** | fp32 | 1.500 | 1.500 to 1.500 | 0.38 | 0.75 |", text)
        self.assertIn("1.2 s |", text)
        self.assertIn("| Keras | fp32 | not run: ModuleNotFoundError |", text)

    def test_the_readme_follows_the_newest_full_result(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            results = root / "docs/results"
            results.mkdir(parents=True)
            readme = root / "README.md"
            readme.write_text("a\n" + check_results.BEGIN + check_results.END + "\nb\n")
            check = lambda *words: check_results.main([*words, "--root", folder])
            self.assertEqual(check(), 0)
            for date, quick in (("2026-01-01", False), ("2026-01-02", True)):
                result = result_of(self.rows(), quick=quick) | {"date": date}
                (results / f"{date}-cpu.json").write_text(json.dumps(result))
            with contextlib.redirect_stdout(io.StringIO()) as diff:
                with contextlib.redirect_stderr(io.StringIO()):
                    self.assertEqual(check(), 1)
            line = "+| step, 150 images, fp32 | 1.500 ms | 4.000 ms (JAX) | 0.38 |"
            self.assertIn(line, diff.getvalue())
            self.assertEqual(check("--write"), 0)
            self.assertEqual(check(), 0)
            self.assertIn("2026-01-01-cpu.md", readme.read_text())
            self.assertTrue(readme.read_text().endswith("\nb\n"))

    def test_quick_is_short(self):
        options = compare.arguments(["--quick"])
        self.assertEqual((options.batches, options.rounds), ([150], 3))
        self.assertEqual(options.parts, ["steps", "whole-job"])
        self.assertGreaterEqual(compare.arguments([]).rounds, 7)
        self.assertEqual(compare.arguments(["--batches", "150,1024"]).batches, [150, 1024])


if __name__ == "__main__":
    unittest.main()
