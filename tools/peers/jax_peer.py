"""JAX: one jitted call for all steps (`lax.scan`), and one jitted, donated call a step.

JAX has no optimizer of its own; Adam is written out in TensorFlow's form.
"""

import sys
import time

sys.dont_write_bytecode = True
import jax
import jax.numpy as jnp
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


def adam(parameters, first, second, gradients, t):
    rate = protocol.LEARNING_RATE * jnp.sqrt(1 - protocol.BETA2**t) / (1 - protocol.BETA1**t)
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

        def step(carry, rows, images):
            parameters, first, second, t = carry
            loss, gradients = jax.value_and_grad(loss_of)(parameters, images[rows], bf16)
            return (*adam(parameters, first, second, gradients, t), t + 1), loss

        def scan(carry, rows, images):
            return jax.lax.scan(lambda c, r: step(c, r, images), carry, rows)

        self.function = jax.jit(scan if options.variant == "scan" else step, donate_argnums=0)
        self.reset()

    def reset(self):
        put = lambda tree: jax.device_put(tree, self.device)
        zeros = lambda: put(jax.tree.map(jnp.zeros_like, self.initial))
        self.carry = (put(self.initial), zeros(), zeros(), put(jnp.float32(1)))

    def rows(self, first, steps):
        return jax.device_put(self.start.rows(first, steps), self.device)

    def prepare(self, steps):
        shape = steps if self.options.variant == "scan" else 1
        if shape in self.compiled:
            return
        rows = self.rows(0, shape)
        begin = time.perf_counter()
        lowered = self.function.lower(
            self.carry, rows if self.options.variant == "scan" else rows[0], self.images
        )
        self.compiled[shape] = lowered.compile()
        self.compile_seconds = time.perf_counter() - begin

    def warm(self, warm, steps):
        """A scan has one length: all of its steps are run once; the rest starts afresh."""
        if self.options.variant == "scan":
            self.run(0, steps)
            self.reset()
            self.synchronize()
        else:
            self.run(0, warm)

    def run(self, first, steps):
        """Returns the losses, still on their way."""
        rows = self.order(first, steps)
        if self.options.variant == "scan":
            self.carry, losses = self.compiled[steps](self.carry, rows, self.images)
            return losses
        losses = []
        for row in rows:
            self.carry, loss = self.compiled[1](self.carry, row, self.images)
            losses.append(loss)
        return losses

    def order(self, first, steps):
        """The rows of these steps on the device, split into steps before the clock runs."""
        key = (first, steps)
        if getattr(self, "order_key", None) != key:
            rows = self.rows(first, steps)
            self.order_rows = rows if self.options.variant == "scan" else list(rows)
            jax.block_until_ready(self.order_rows)
            self.order_key = key
        return self.order_rows

    def time(self, steps):
        self.prepare(steps)
        self.reset()
        self.warm(protocol.WARM_STEPS, steps)
        first = 0 if self.options.variant == "scan" else protocol.WARM_STEPS
        self.order(first, steps)
        self.synchronize()
        begin = time.perf_counter()
        self.run(first, steps)
        self.synchronize()
        return {"seconds": time.perf_counter() - begin, "steps": steps}

    def synchronize(self):
        jax.block_until_ready(self.carry)

    def losses(self, steps):
        self.prepare(steps)
        self.reset()
        return list(self.run(0, steps))

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
