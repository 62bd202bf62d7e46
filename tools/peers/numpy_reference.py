"""The tutorial's recipe in plain NumPy, float64: the reference that all losses are held against.

Written from the formulas (network, MSE, Adam), not from anybody's code, so that an error in
hourglass's arithmetic cannot hide in it. Also a peer: it answers `losses`, and nothing is timed.
"""

import sys

import numpy as np

sys.dont_write_bytecode = True
import protocol
from start import Start, read_images


def forward(parameters, x):
    """[x, a1, ..., y]: a = relu(a W^T + b)."""
    activations = [x]
    for weight, bias in parameters:
        activations.append(np.maximum(activations[-1] @ weight.T + bias, 0))
    return activations


def gradients(parameters, activations):
    """Of mean((y - x)^2): [(dW, db), ...]. relu'(0) = 0."""
    x, y = activations[0], activations[-1]
    delta = 2 * (y - x) / y.size
    result = []
    for layer in range(len(parameters) - 1, -1, -1):
        delta = delta * (activations[layer + 1] > 0)
        result.append((delta.T @ activations[layer], delta.sum(axis=0)))
        delta = delta @ parameters[layer][0]
    return result[::-1]


FORMS = ("tensorflow", "kingma_ba", "tensorflow_float32", "keras_float32")


def adam_scalars(form, t):
    """(rate, epsilon, 1 - beta1, 1 - beta2) of step t (from 1) of
    w -= rate * m / (sqrt(v) + epsilon).

    Kingma and Ba, arXiv 1412.6980. `tensorflow`: epsilon beside the uncorrected sqrt(v) (the
    "epsilon hat" at the end of section 2); `kingma_ba`: algorithm 1. The others are `tensorflow`
    with these scalars rounded as the frameworks round them: they keep beta^t in float32, where
    1 - 0.999^t is off by up to 1e-5. Small, but enough to turn a ReLU over within 20 steps, so a
    peer that does it is held against a reference that does it too.
    """
    f32 = np.float32
    lr, beta1, beta2 = protocol.LEARNING_RATE, protocol.BETA1, protocol.BETA2
    if form in ("tensorflow", "kingma_ba"):
        root = np.sqrt(1 - beta2**t)
        epsilon = protocol.EPSILON * (root if form == "kingma_ba" else 1)
        return lr * root / (1 - beta1**t), epsilon, 1 - beta1, 1 - beta2
    if form == "tensorflow_float32":  # powers by repeated products
        power1, power2 = f32(beta1), f32(beta2)
        for _ in range(t - 1):
            power1, power2 = power1 * f32(beta1), power2 * f32(beta2)
        rests = f32(1) - f32(beta1), f32(1) - f32(beta2)
    else:
        power1, power2 = np.power(f32(beta1), f32(t)), np.power(f32(beta2), f32(t))
        rests = f32(1 - beta1), f32(1 - beta2)
    rate = f32(lr) * np.sqrt(f32(1) - power2) / (f32(1) - power1)
    return float(rate), protocol.EPSILON, float(rests[0]), float(rests[1])


class Adam:
    def __init__(self, parameters, form):
        self.form = form
        self.t = 0
        self.moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in pair] for pair in parameters]

    def update(self, parameters, gradients):
        self.t += 1
        rate, epsilon, rest1, rest2 = adam_scalars(self.form, self.t)
        for pair, gradient_pair, moment_pair in zip(parameters, gradients, self.moments):
            for parameter, gradient, (m, v) in zip(pair, gradient_pair, moment_pair):
                m += rest1 * (gradient - m)
                v += rest2 * (gradient**2 - v)
                parameter -= rate * m / (np.sqrt(v) + epsilon)


def losses(start, images, steps, form="tensorflow"):
    """The loss of each of the first `steps` batches, before its update."""
    parameters = [(w.astype(np.float64), b.astype(np.float64)) for w, b in start.parameters]
    optimizer = Adam(parameters, form)
    result = []
    for rows in start.rows(0, steps):
        activations = forward(parameters, images[rows].astype(np.float64) / 255)
        result.append(float(np.mean((activations[-1] - activations[0]) ** 2)))
        optimizer.update(parameters, gradients(parameters, activations))
    return result


class NumpyPeer(protocol.Peer):
    def __init__(self, options):
        self.start = Start(options.start)
        self.images = read_images(self.start.directory / "train-images.idx")
        self.adam_form = options.variant

    def losses(self, steps):
        return losses(self.start, self.images, steps, self.adam_form)

    def info(self):
        return {"versions": {"numpy": np.__version__}, "precision": "float64"}


if __name__ == "__main__":
    chosen = protocol.arguments(FORMS, ["fp64"])
    protocol.serve(lambda: NumpyPeer(chosen))
