#!/usr/bin/env bash
# From a bare machine to a trained autoencoder: installs what is missing, builds, fetches MNIST,
# trains the default recipe and shows the result.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

run=runs/quickstart
hourglass=build/hourglass
say() { printf '\n== %s\n' "$*"; }

say "set up"
tools/setup.sh

say "build"
cmake --preset default -DHOURGLASS_TESTS=ON >/dev/null
cmake --build --preset default --target hourglass

say "fetch MNIST"
data=mnist
if ! "$hourglass" data fetch mnist; then
  data=strokes
  echo "MNIST could not be fetched. The built-in digits, drawn from strokes, take its place:"
  echo "the numbers below are not MNIST's."
fi

say "train"
[[ ! -d "$run" ]] || echo "replacing the earlier run in $run"
"$hourglass" train --data "$data" --out "$run" --force

say "10 test images, and what 196 numbers each have kept of them"
"$hourglass" reconstruct "$run" "$data" --show

cat <<TEXT

== files in $run
  model.safetensors        the trained network, for Python's safetensors as well
  checkpoint.safetensors   to go on from (hourglass train --resume $run)
  reconstructions.png      originals, reconstructions, differences
  loss.png  report.md      how training went
  metrics.jsonl  config.json  environment.json

== try next
  $hourglass train --preset tutorial            the TensorFlow tutorial's recipe, dead units and all
  $hourglass train --hidden relu --epochs 20    another activation, more epochs
  $hourglass encode $run -o codes.npy           the test images as 196 numbers each
  $hourglass decode $run codes.npy -o grid.png  and back
  $hourglass doctor                             what this machine has
TEXT
