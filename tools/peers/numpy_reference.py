"""The tutorial's recipe in plain NumPy, float64: the reference that all losses are held against.

Written from the formulas (network, MSE, Adam), not from anybody's code, so that an error in
hourglass's arithmetic cannot hide in it. Also a peer: it answers `losses`, and nothing is timed.
"""

import sys

import numpy as np

sys.dont_write_bytecode = True
import protocol
from start import Start


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


class Adam:
    """Kingma and Ba, arXiv 1412.6980. `tensorflow`: epsilon beside sqrt(v) without correction (the
    "epsilon hat" at the end of section 2); `kingma_ba`: algorithm 1."""

    def __init__(self, parameters, form):
        self.form = form
        self.step = 0
        self.moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in pair] for pair in parameters]

    def update(self, parameters, gradients):
        self.step += 1
        correction1 = 1 - protocol.BETA1**self.step
        correction2 = 1 - protocol.BETA2**self.step
        hat = self.form == "tensorflow"
        for pair, gradient_pair, moment_pair in zip(parameters, gradients, self.moments):
            for parameter, gradient, (m, v) in zip(pair, gradient_pair, moment_pair):
                m += (1 - protocol.BETA1) * (gradient - m)
                v += (1 - protocol.BETA2) * (gradient**2 - v)
                if hat:
                    rate = protocol.LEARNING_RATE * np.sqrt(correction2) / correction1
                    parameter -= rate * m / (np.sqrt(v) + protocol.EPSILON)
                else:
                    root = np.sqrt(v / correction2)
                    parameter -= protocol.LEARNING_RATE * (m / correction1) / (root + protocol.EPSILON)


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
        from start import read_images

        self.start = Start(options.start)
        self.images = read_images(self.start.directory / "train-images.idx")
        self.adam_form = options.variant

    def losses(self, steps):
        return losses(self.start, self.images, steps, self.adam_form)

    def info(self):
        return {"versions": {"numpy": np.__version__}, "precision": "float64"}


if __name__ == "__main__":
    options = protocol.arguments(["tensorflow", "kingma_ba"], ["fp64"])
    protocol.serve(lambda: NumpyPeer(options))
