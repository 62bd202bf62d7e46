#!/usr/bin/env bash
# The main job, from a fresh machine to a trained autoencoder: set up, build, fetch MNIST, train the
# default recipe, show the result. Writes build/ and runs/quickstart (replaced if it is there).
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
cmake --preset default >/dev/null
cmake --build --preset default --target hourglass

run=runs/quickstart
source=mnist
build/hourglass data fetch mnist >/dev/null || {
  source=strokes
  echo "quickstart: MNIST cannot be fetched; images drawn by code take its place" >&2
}
build/hourglass train --data "$source" --out "$run" --force
build/hourglass reconstruct "$run" "$source" --out "$run/reconstructions.png" --show

cat <<EOF

files   $run/: model.safetensors, checkpoint.safetensors, reconstructions.png, loss.png, report.md
next    build/hourglass eval $run                               all metrics, PCA, dead units
        build/hourglass encode $run --out codes.npy             196 numbers an image, for NumPy
        build/hourglass train --preset tutorial --out runs/t    the TensorFlow tutorial's recipe
        build/hourglass bench                                   the step against the processor's peak
        build/hourglass doctor                                  what this machine has
EOF
