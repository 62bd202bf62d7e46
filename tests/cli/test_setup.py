"""tools/setup.sh on a system without apt: says what it cannot know and what is needed."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[2] / "tools" / "setup.sh"


class SetupWithoutApt(unittest.TestCase):
    def run_with(self, *programs):
        """Runs the script with these programs on PATH, besides those of a plain shell."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("bash", "env", "head", "sed", "sort", "dirname"):
                os.symlink(shutil.which(name), os.path.join(folder, name))
            for name in programs:
                path = os.path.join(folder, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write("#!/usr/bin/env bash\necho cmake version 3.25.1\n")
                os.chmod(path, 0o755)
            return subprocess.run([os.path.join(folder, "bash"), str(SETUP)], text=True,
                                  env={"PATH": folder}, capture_output=True, check=False)

    def test_says_what_is_needed(self):
        result = self.run_with("cmake", "ninja", "c++", "python3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("all packages are there", result.stderr)
        for part in ("cannot be known", "libdnnl-dev", "nlohmann-json3-dev"):
            self.assertIn(part, result.stderr)

    def test_names_missing_programs(self):
        result = self.run_with("cmake", "python3")
        self.assertEqual(result.returncode, 1)
        self.assertIn("not on PATH: ninja c++", result.stderr)


if __name__ == "__main__":
    unittest.main()
