"""Who takes part: every peer with its script, variant and precision class, by device."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Entry:
    name: str
    precision: str  # the class: only rows of one class are compared
    script: str  # in this folder; "" for hourglass
    variant: str = ""  # of hourglass: the name in `bench --only`

    @property
    def is_hourglass(self):
        return not self.script


def torch(label, variant, precision):
    return Entry(f"PyTorch, {label}", precision, "torch_peer.py", variant)


def cpu_entries():
    return [
        Entry("hourglass", "fp32", "", "step-fp32"),
        torch("eager, fused Adam", "eager", "fp32"),
        torch("whole step compiled", "compile", "fp32"),
        Entry("JAX, jit + lax.scan", "fp32", "jax_peer.py", "scan"),
        Entry("JAX, jit per step", "fp32", "jax_peer.py", "step"),
        Entry("TensorFlow, the tutorial's session loop", "fp32", "tf_peer.py", "session"),
        Entry("Keras fit", "fp32", "tf_peer.py", "keras"),
        Entry("Keras fit, jit_compile", "fp32", "tf_peer.py", "keras-jit"),
        Entry("hourglass", "bf16", "", "step-bf16"),
        torch("eager, fused Adam", "eager", "bf16"),
        torch("whole step compiled", "compile", "bf16"),
    ]


def cuda_entries():
    entries = []
    for precision in ("fp32", "tf32", "bf16"):
        entries += [
            Entry("hourglass", precision, "", "step"),
            torch("eager, fused Adam", "eager", precision),
            torch("whole step compiled", "compile", precision),
            torch("whole step compiled, reduce-overhead", "reduce-overhead", precision),
            torch("whole step in a CUDA graph", "graph-1", precision),
            torch("50 steps in a CUDA graph", "graph-50", precision),
            Entry("JAX, donated jit per step", precision, "jax_peer.py", "step"),
            Entry("JAX, jit + lax.scan", precision, "jax_peer.py", "scan"),
        ]
        if precision != "bf16":
            session, keras = "TensorFlow, the tutorial's session loop", "Keras fit, jit_compile"
            entries += [
                Entry(session, precision, "tf_peer.py", "session"),
                Entry(keras, precision, "tf_peer.py", "keras-jit"),
            ]
    return entries


def entries(device):
    return cuda_entries() if device == "cuda" else cpu_entries()
