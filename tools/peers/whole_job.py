#!/usr/bin/env python3
"""A whole training run as a user would write it, one process: imports, data, training, test MSE.

    whole_job.py --framework torch|jax|tensorflow --start DIR --recipe tutorial --epochs 5

Prints {"test_mse": ..., "test_se": ...}. The driver's clock runs from before this process starts
until it has ended.
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from recipes import RECIPES, STEPS_PER_EPOCH, adam_scalars
from start import Start


class TorchJob:
    def __init__(self, recipe, start, device, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch, self.recipe, self.device = torch, recipe, device
        self.images = torch.from_numpy(start.train_images()).to(device)
        self.order = torch.from_numpy(start.order).to(device)
        self.parameters = [
            torch.from_numpy(array).to(device).requires_grad_()
            for pair in start.parameters
            for array in pair
        ]
        self.optimizer = torch.optim.Adam(
            self.parameters, betas=(recipe.beta1, recipe.beta2), fused=True
        )

    def output(self, x):
        functions = self.torch.nn.functional
        layers = len(self.parameters) // 2
        for layer in range(layers):
            x = functions.linear(x, *self.parameters[2 * layer : 2 * layer + 2])
            activation = self.recipe.activation(layer, layers)
            x = x if activation == "linear" else getattr(functions, activation)(x)
        return x

    def train(self, first, last, steps):
        group = self.optimizer.param_groups[0]
        for step in range(first, last):
            # The fused optimizer's form is Kingma and Ba's; this eps makes it the recipe's.
            root = (1 - self.recipe.beta2 ** (step + 1)) ** 0.5
            group["lr"] = self.recipe.rate(step, steps)
            group["eps"] = adam_scalars(self.recipe, step, steps)[1] / root
            x = self.images.index_select(0, self.order[step])
            self.optimizer.zero_grad(set_to_none=True)
            self.torch.nn.functional.mse_loss(self.output(x), x).backward()
            self.optimizer.step()

    def mse(self, images):
        with self.torch.no_grad():
            x = self.torch.from_numpy(images).to(self.device)
            return self.torch.nn.functional.mse_loss(self.output(x), x).item()


class JaxJob:
    def __init__(self, recipe, start, device, threads):
        import jax
        import jax.numpy as jnp

        self.jax, self.jnp, self.recipe, self.start = jax, jnp, recipe, start
        if device == "cuda":
            jax.config.update("jax_default_matmul_precision", "highest")
        self.images = jax.device_put(start.train_images())
        parameters = [(weight.T.copy(), bias) for weight, bias in start.parameters]
        zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
        self.carry = jax.device_put((parameters, zeros(), zeros()))
        self.scan = jax.jit(
            lambda carry, planned, images: jax.lax.scan(
                lambda c, p: self.step(c, p, images), carry, planned
            ),
            donate_argnums=0,
        )

    def output(self, parameters, x):
        functions = {
            "relu": self.jax.nn.relu,
            "gelu": lambda z: self.jax.nn.gelu(z, approximate=False),
            "linear": lambda z: z,
        }
        for layer, (weight, bias) in enumerate(parameters):
            x = functions[self.recipe.activation(layer, len(parameters))](x @ weight + bias)
        return x

    def step(self, carry, planned, images):
        rows, rate, epsilon = planned
        x = images[rows]
        loss = lambda parameters: self.jnp.mean((self.output(parameters, x) - x) ** 2)
        parameters, first, second = carry
        gradients = self.jax.grad(loss)(parameters)
        tree, beta1, beta2 = self.jax.tree.map, self.recipe.beta1, self.recipe.beta2
        first = tree(lambda m, g: m + (1 - beta1) * (g - m), first, gradients)
        second = tree(lambda v, g: v + (1 - beta2) * (g * g - v), second, gradients)
        update = lambda w, m, v: w - rate * m / (self.jnp.sqrt(v) + epsilon)
        return (tree(update, parameters, first, second), first, second), None

    def train(self, first, last, steps):
        scalars = [adam_scalars(self.recipe, step, steps) for step in range(first, last)]
        rates, epsilons = (self.jnp.array(column, self.jnp.float32) for column in zip(*scalars))
        planned = self.start.order[first:last], rates, epsilons
        self.carry, _ = self.scan(self.carry, planned, self.images)

    def mse(self, images):
        y = self.jax.jit(self.output)(self.carry[0], images)
        return float(self.jnp.mean((y - images) ** 2))


class TensorFlowJob:
    """A TF1 graph in a session, as in the tutorial."""

    def __init__(self, recipe, start, device, threads):
        import tensorflow as tf

        v1 = tf.compat.v1
        v1.disable_eager_execution()
        self.recipe, self.start = recipe, start
        self.images = start.train_images()
        self.input = v1.placeholder(tf.float32, [None, self.images.shape[1]])
        self.rate = v1.placeholder(tf.float32, [])
        functions = {"relu": tf.nn.relu, "gelu": tf.nn.gelu, "linear": tf.identity}
        a = self.input
        for layer, (weight, bias) in enumerate(start.parameters):
            activation = functions[recipe.activation(layer, len(start.parameters))]
            a = activation(tf.matmul(a, tf.Variable(weight.T.copy())) + tf.Variable(bias))
        self.loss = tf.reduce_mean(tf.square(a - self.input))
        optimizer = v1.train.AdamOptimizer(self.rate, recipe.beta1, recipe.beta2, 1e-8)
        self.update = optimizer.minimize(self.loss)
        self.session = v1.Session(
            config=v1.ConfigProto(
                intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
            )
        )
        self.session.run(v1.global_variables_initializer())

    def train(self, first, last, steps):
        for step in range(first, last):
            feed = {
                self.input: self.images[self.start.order[step]],
                self.rate: self.recipe.rate(step, steps),
            }
            self.session.run(self.update, feed)

    def mse(self, images):
        return float(self.session.run(self.loss, {self.input: images}))


JOBS = {"torch": TorchJob, "jax": JaxJob, "tensorflow": TensorFlowJob}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--framework", required=True, choices=JOBS)
    parser.add_argument("--start", required=True)
    parser.add_argument("--recipe", required=True, choices=RECIPES)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()

    start = Start(options.start)
    job = JOBS[options.framework](
        RECIPES[options.recipe], start, options.device, options.threads
    )
    steps = options.epochs * STEPS_PER_EPOCH
    if steps > start.steps:
        sys.exit(f"error: {steps} steps, but only {start.steps} were exported")
    for first in range(0, steps, STEPS_PER_EPOCH):
        job.train(first, first + STEPS_PER_EPOCH, steps)
    test = start.test_images()
    mse = job.mse(test)
    print(json.dumps({"test_mse": mse, "test_se": mse * test.shape[1]}))


if __name__ == "__main__":
    main()
