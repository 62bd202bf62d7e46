#!/usr/bin/env bash
# Measures hourglass and the frameworks people would otherwise use on the same work, side by side.
#   tools/compare.sh [--device cpu|cuda] [--quick] [--batches 150,1024] [--rounds N] [--busy-ok]
# Writes docs/results/DATE-DEVICE.json and .md (docs/results/README.md says what the numbers mean).
# PEERS_PYTHON=/path/python uses an environment that is already there, as on GPU machines;
# otherwise one is made in build/peers-venv and kept.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONDONTWRITEBYTECODE=1

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  exec python3 "$root/tools/peers/compare.py" --help
fi
if [[ ! -x $root/build/hourglass ]]; then
  echo "error: build/hourglass is not there. Run tools/quickstart.sh first." >&2
  exit 1
fi

python=${PEERS_PYTHON:-}
if [[ -z $python ]]; then
  environment=$root/build/peers-venv
  python=$environment/bin/python
  requirements=$root/tools/peers/requirements-cpu.txt
  if ! cmp -s "$requirements" "$environment/installed.txt"; then
    echo "making $environment; downloads some GB the first time" >&2
    python3 -m venv "$environment"
    complete=yes
    while read -r requirement; do
      "$python" -m pip install --quiet "$requirement" >&2 || {
        complete=no
        echo "NOT INSTALLED: $requirement; its rows will say \"not run\"" >&2
      }
    done < <(grep -v '^#' "$requirements")
    if [[ $complete == yes ]]; then cp "$requirements" "$environment/installed.txt"; fi
  fi
fi
exec python3 "$root/tools/peers/compare.py" --python "$python" "$@"
