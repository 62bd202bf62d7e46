"""The exported start: what every program gets so that all of them run the very same steps.

`hourglass bench --export DIR --batch B --steps N` writes start.safetensors (the initial
parameters), order.npy (which images make up each batch), train-images.idx and test-images.idx.
"""

import json
import pathlib
import struct

import numpy as np


def read_parameters(path):
    """[(weight (out, in), bias (out)), ...] in float32 from tensors layers.N.weight and .bias."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]

    def tensor(name):
        entry = header[name]
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name}: expected F32, found {entry['dtype']}")
        begin, end = entry["data_offsets"]
        return np.frombuffer(body[begin:end], "<f4").reshape(entry["shape"]).copy()

    layers = sum(1 for name in header if name.endswith(".weight"))
    return [(tensor(f"layers.{i}.weight"), tensor(f"layers.{i}.bias")) for i in range(layers)]


def read_images(path):
    """(images, pixels) u8 from an IDX file."""
    data = np.fromfile(path, np.uint8)
    magic, count, rows, cols = struct.unpack(">IIII", data[:16].tobytes())
    if magic != 0x803 or data.size != 16 + count * rows * cols:
        raise ValueError(f"{path}: expected an IDX file of u8 images")
    return data[16:].reshape(count, rows * cols)


class Start:
    """Parameters, batch order and images of an export directory."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.directory = directory
        self.parameters = read_parameters(directory / "start.safetensors")
        self.order = np.load(directory / "order.npy").astype(np.int32)  # (steps, batch)
        self.steps, self.batch = self.order.shape

    def train_images(self):
        """(images, pixels) float32 in [0, 1]."""
        return read_images(self.directory / "train-images.idx").astype(np.float32) / 255

    def test_images(self):
        return read_images(self.directory / "test-images.idx").astype(np.float32) / 255

    def rows(self, first, count):
        """The order of steps [first, first + count), from the beginning again after the last."""
        return self.order[np.arange(first, first + count) % self.steps]
