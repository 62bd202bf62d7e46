"""What every peer process has in common: arguments, and JSON lines on stdin and stdout.

    {"command": "info"}                 -> {"versions": {...}, "threads": n, "precision": ..., ...}
    {"command": "losses", "steps": 20}  -> {"losses": [...]}      from the exported start
    {"command": "time", "steps": n}     -> {"seconds": s, "steps": n}  from the exported start

Data are resident, the gather of the batch is inside the timed region, and nothing is read back
until the last step. Warm-up and compilation are outside; `info` reports the latter's seconds.
"""

import argparse
import json
import os
import sys
import time
import traceback

LEARNING_RATE, BETA1, BETA2, EPSILON = 0.01, 0.9, 0.999, 1e-8
WARM_STEPS = 5


def arguments(variants, precisions):
    parser = argparse.ArgumentParser()
    parser.add_argument("--start", required=True, help="directory of the exported start")
    parser.add_argument("--variant", required=True, choices=variants)
    parser.add_argument("--precision", default=precisions[0], choices=precisions)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def adam_scalars(step):
    """The rate of step `step` (from 0) in TensorFlow's form, bias corrections inside:
    w -= rate * m / (sqrt(v) + epsilon)."""
    t = step + 1
    return LEARNING_RATE * (1 - BETA2**t) ** 0.5 / (1 - BETA1**t)


class Peer:
    """A training loop that can be reset. A subclass has reset(), run(first_step, steps) and
    losses(steps), and `synchronize` where work is asynchronous."""

    adam_form = "tensorflow"  # or another of numpy_reference.FORMS, where it cannot be chosen
    compile_seconds = 0.0
    steps_multiple = 1  # run() takes only multiples of this

    def synchronize(self):
        pass

    def prepare(self, steps):
        """Compiles what run(…, steps) needs; timed into compile_seconds."""

    def info(self):
        return {}

    def time(self, steps):
        steps = -(-steps // self.steps_multiple) * self.steps_multiple
        self.prepare(steps)
        self.reset()
        warm = -(-WARM_STEPS // self.steps_multiple) * self.steps_multiple
        self.run(0, warm)
        self.synchronize()
        begin = time.perf_counter()
        self.run(warm, steps)
        self.synchronize()
        return {"seconds": time.perf_counter() - begin, "steps": steps}


def serve(make_peer):
    """Answers commands until stdin ends. Whatever a framework prints goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    peer = None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if peer is None:
                peer = make_peer()
            command = request["command"]
            if command == "losses":
                reply = {"losses": [float(x) for x in peer.losses(request["steps"])]}
            elif command == "time":
                reply = peer.time(request["steps"])
            elif command == "info":
                reply = {
                    **peer.info(),
                    "adam_form": peer.adam_form,
                    "compile_seconds": peer.compile_seconds,
                }
            else:
                raise ValueError(f"unknown command {command!r}")
        except Exception as error:  # told to the driver, which shows the peer as not run
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        replies.write(json.dumps(reply) + "\n")
