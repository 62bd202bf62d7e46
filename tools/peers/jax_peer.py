"""JAX: one jitted call for all steps (`lax.scan`), and one jitted, donated call a step.

JAX has no optimizer of its own; Adam is written out in TensorFlow's form. The rate of each step,
bias corrections included, is an input computed in double precision: 1 - 0.999^t in float32 is wrong
in its fifth digit, enough to turn a ReLU over within 20 steps.
"""

import sys
import time

sys.dont_write_bytecode = True
import jax
import jax.numpy as jnp
import numpy as np
import protocol
from start import Start

MATMUL_PRECISION = {"fp32": "highest", "tf32": "tensorfloat32", "bf16": "default"}


def loss_of(parameters, x, bf16):
    """bf16: products of bf16 numbers, float32 parameters and loss, as autocast does it."""
    cast = (lambda a: a.astype(jnp.bfloat16)) if bf16 else (lambda a: a)
    a = x
    for weight, bias in parameters:
        a = jax.nn.relu(cast(a) @ cast(weight) + cast(bias))
    return jnp.mean((a.astype(jnp.float32) - x) ** 2)


def adam(parameters, first, second, gradients, rate):
    first = jax.tree.map(lambda m, g: m + (1 - protocol.BETA1) * (g - m), first, gradients)
    second = jax.tree.map(lambda v, g: v + (1 - protocol.BETA2) * (g * g - v), second, gradients)
    parameters = jax.tree.map(
        lambda w, m, v: w - rate * m / (jnp.sqrt(v) + protocol.EPSILON), parameters, first, second
    )
    return parameters, first, second


class JaxPeer(protocol.Peer):
    def __init__(self, options):
        jax.config.update("jax_default_matmul_precision", MATMUL_PRECISION[options.precision])
        self.options = options
        self.start = Start(options.start)
        self.device = jax.devices(options.device)[0]
        self.images = jax.device_put(self.start.train_images(), self.device)
        self.initial = [(weight.T.copy(), bias) for weight, bias in self.start.parameters]
        self.compiled = {}
        bf16 = options.precision == "bf16"

        def step(carry, planned, images):
            parameters, first, second = carry
            rows, rate = planned
            loss, gradients = jax.value_and_grad(loss_of)(parameters, images[rows], bf16)
            return adam(parameters, first, second, gradients, rate), loss

        def scan(carry, planned, images):
            return jax.lax.scan(lambda c, p: step(c, p, images), carry, planned)

        self.scans = options.variant == "scan"
        self.function = jax.jit(scan if self.scans else step, donate_argnums=0)
        self.reset()

    def reset(self):
        put = lambda tree: jax.device_put(tree, self.device)
        zeros = lambda: put(jax.tree.map(jnp.zeros_like, self.initial))
        self.carry = (put(self.initial), zeros(), zeros())

    def plan(self, first, steps):
        """Image numbers and rates of these steps on the device, one by one for a call a step."""
        rates = [protocol.adam_scalars(step) for step in range(first, first + steps)]
        planned = self.start.rows(first, steps), np.array(rates, np.float32)
        if not self.scans:
            planned = list(zip(*planned))
        return jax.block_until_ready(jax.device_put(planned, self.device))

    def prepare(self, steps):
        shape = steps if self.scans else 1
        if shape in self.compiled:
            return
        planned = self.plan(0, shape)
        begin = time.perf_counter()
        lowered = self.function.lower(
            self.carry, planned if self.scans else planned[0], self.images
        )
        self.compiled[shape] = lowered.compile()
        self.compile_seconds = time.perf_counter() - begin

    def run_planned(self, planned):
        """Returns the losses, still on their way."""
        if self.scans:
            function = self.compiled[len(planned[1])]
            self.carry, losses = function(self.carry, planned, self.images)
            return losses
        losses = []
        for one in planned:
            self.carry, loss = self.compiled[1](self.carry, one, self.images)
            losses.append(loss)
        return losses

    def time(self, steps):
        self.prepare(steps)
        self.reset()
        first = 0 if self.scans else protocol.WARM_STEPS
        self.run_planned(self.plan(0, steps if self.scans else first))
        if self.scans:  # compiled for one number of steps: all were run once, now afresh
            self.reset()
        planned = self.plan(first, steps)
        self.synchronize()
        begin = time.perf_counter()
        self.run_planned(planned)
        self.synchronize()
        return {"seconds": time.perf_counter() - begin, "steps": steps}

    def synchronize(self):
        jax.block_until_ready(self.carry)

    def losses(self, steps):
        self.prepare(steps)
        self.reset()
        return list(self.run_planned(self.plan(0, steps)))

    def info(self):
        return {
            "versions": {"jax": jax.__version__, "jaxlib": jax.lib.__version__},
            "threads": self.options.threads,
            "precision": self.options.precision,
            "device": str(self.device.device_kind),
        }


if __name__ == "__main__":
    chosen = protocol.arguments(["scan", "step"], ["fp32", "tf32", "bf16"])
    protocol.serve(lambda: JaxPeer(chosen))
