"""A model trained by the command, read by safetensors and run by NumPy, gives the same numbers."""

import os
import pathlib
import subprocess
import tempfile
import unittest

try:
    import numpy
    from safetensors.numpy import load_file
except ImportError as error:
    numpy = None
    MISSING = f"{error.name} is not installed"
else:
    MISSING = ""

BINARY = os.environ.get(
    "HOURGLASS_BINARY", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "hourglass"))
DATA = "strokes:500"


def run(*words):
    return subprocess.run([BINARY, *words], check=True, capture_output=True, text=True)


@unittest.skipIf(numpy is None, MISSING)
class NumpyForwardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = pathlib.Path(scratch.name)
        run("data", "export", DATA, str(cls.folder / "set"))
        raw = (cls.folder / "set" / "t10k-images-idx3-ubyte").read_bytes()
        cls.images = numpy.frombuffer(raw, numpy.uint8, offset=16).reshape(-1, 784) / 255

    def forward(self, tensors, values, layers, activation):
        for layer in layers:
            values = values @ tensors[f"layers.{layer}.weight"].astype(float).T
            values = values + tensors[f"layers.{layer}.bias"]
            if layer in (0, 2):
                values = activation(values)
        return values

    def compare(self, name, activation):
        model = str(self.folder / name)
        run("train", "--data", DATA, "--widths", "784,32,8", "--hidden", name, "--init",
            "variance_scaling", "--epochs", "3", "--batch", "50", "--out", model)
        tensors = load_file(model + "/model.safetensors")
        self.assertEqual(tensors["layers.0.weight"].shape, (32, 784))
        self.assertEqual(tensors["layers.3.weight"].shape, (784, 32))
        outputs = {}
        for part, words in {
                "whole": ("reconstruct", model, DATA, "--count", "0"),
                "codes": ("encode", model, "--data", DATA),
                "decoded": ("decode", model, str(self.folder / "codes.npy"))}.items():
            run(*words, "-o", str(self.folder / f"{part}.npy"))
            outputs[part] = numpy.load(self.folder / f"{part}.npy")
            self.assertEqual(outputs[part].dtype, numpy.float32)
        expected = {
            "whole": self.forward(tensors, self.images, range(4), activation),
            "codes": self.forward(tensors, self.images, range(2), activation),
            "decoded": self.forward(tensors, outputs["codes"], range(2, 4), activation)}
        for part, values in expected.items():
            self.assertEqual(outputs[part].shape, values.shape)
            self.assertLess(numpy.abs(outputs[part] - values).max(), 1e-5, part)

        # Codes that NumPy saved, in either order and in double precision, decode as well.
        numpy.save(self.folder / "own.npy", numpy.asfortranarray(outputs["codes"].astype(float)))
        run("decode", model, str(self.folder / "own.npy"), "-o", str(self.folder / "again.npy"))
        numpy.testing.assert_array_equal(numpy.load(self.folder / "again.npy"), outputs["decoded"])

    def test_relu(self):
        self.compare("relu", lambda z: numpy.maximum(z, 0))

    def test_sigmoid(self):
        self.compare("sigmoid", lambda z: 1 / (1 + numpy.exp(-z)))

    def test_tanh(self):
        self.compare("tanh", numpy.tanh)


if __name__ == "__main__":
    unittest.main()
