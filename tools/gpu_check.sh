#!/usr/bin/env bash
# Everything that only a GPU can show, in one command of at most 8 minutes after the build:
#
#   tools/gpu_check.sh                  builds for the GPU found, runs, writes a dated result file
#   tools/gpu_check.sh --bundle DIR     packs binaries, libraries, data and this script for a machine
#                                       without network and compiler; run DIR/gpu_check.sh there
#
# MNIST comes from HOURGLASS_DATA_DIR or the user's cache. Every check ends as "pass", "fail" or "not
# run" with its reason; the exit status is 1 when one failed. What could not run never passes.
# HOURGLASS_BUILD names the folder of the build (default: build-gpu).
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
limit=480
failed=0
lines=()

usage() { sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

bundle=""
case "${1:-}" in
  "") ;;
  --bundle)
    bundle=${2:-}
    [[ -n "$bundle" ]] || { usage >&2; exit 2; }
    ;;
  -h | --help) usage; exit 0 ;;
  *) echo "gpu_check: unknown word '$1'" >&2; usage >&2; exit 2 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [[ -z "${HOURGLASS_DATA_DIR:-}" && -d "$HOME/.cache/hourglass/mnist" ]]; then
  export HOURGLASS_DATA_DIR=$HOME/.cache/hourglass/mnist
fi
export XDG_CACHE_HOME=$work/cache  # the products' algorithms are chosen afresh, here

gpu=$(nvidia-smi --query-gpu=name,compute_cap,driver_version --format=csv,noheader 2>/dev/null |
  head -n 1)
[[ "$gpu" == *,* ]] || gpu=""
has_cuda=yes

# ---- Where the binaries are ------------------------------------------------------------------------

build_tree() {  # ARCHITECTURE of the GPU found, as 90; empty: those of every build
  local root=$here/.. options=()
  bin=${HOURGLASS_BUILD:-$root/build-gpu}
  [[ -z "$1" ]] || options=("-DCMAKE_CUDA_ARCHITECTURES=$1")
  cmake -S "$root" -B "$bin" -G Ninja -DCMAKE_BUILD_TYPE=Release "${options[@]}" \
    >"$work/cmake.log" 2>&1 || { tail -n 5 "$work/cmake.log" >&2; return 1; }
  grep -q 'CUDA engine: yes' "$work/cmake.log" || has_cuda=no
  local targets=(hourglass test_kernels test_cuda)
  [[ $has_cuda == no ]] || targets+=(gpu_tests)
  cmake --build "$bin" --target "${targets[@]}" >"$work/build.log" 2>&1 ||
    { tail -n 20 "$work/build.log" >&2; return 1; }
}

make_bundle() {  # DIR
  local payload=$work/payload name size
  mkdir -p "$payload/bin" "$payload/lib" "$payload/mnist" "$1"
  for name in hourglass test_cuda test_gpu_kernels test_gpu_plain test_gpu_engine; do
    # The emulator in test_cuda finds shared arrays by their symbols.
    strip --strip-debug -o "$payload/bin/$name" "$bin/$name" || return 1
    ldd "$bin/$name" | awk '$2 == "=>" && $3 ~ /^\// {print $3}'
  done | grep -Ev '/lib(c|m|dl|rt|pthread|cuda)\.so' | sort -u | xargs -r cp -Lt "$payload/lib"
  [[ -z "${HOURGLASS_DATA_DIR:-}" ]] || cp "$HOURGLASS_DATA_DIR"/*-ubyte.gz "$payload/mnist/"
  tar -C "$payload" -czf "$1/payload.tar.gz" . || return 1
  cp "${BASH_SOURCE[0]}" "$1/gpu_check.sh"
  size=$(du -sm "$1" | cut -f 1)
  echo "$1: $size MB; cuBLASLt and the driver are taken from the machine it runs on"
  ((size <= 50)) || { echo "gpu_check: the bundle is larger than 50 MB" >&2; return 1; }
}

if [[ -f "$here/payload.tar.gz" ]]; then
  tar -C "$work" -xzf "$here/payload.tar.gz" || exit 1
  bin=$work/bin
  export LD_LIBRARY_PATH=$work/lib:${LD_LIBRARY_PATH:-}
  [[ ! -e "$work/mnist/train-images-idx3-ubyte.gz" ]] || export HOURGLASS_DATA_DIR=$work/mnist
  results=$here
elif [[ -n "$bundle" ]]; then
  build_tree "" || { echo "gpu_check: the build failed" >&2; exit 1; }
  [[ $has_cuda == yes ]] || { echo "gpu_check: --bundle needs nvcc" >&2; exit 1; }
  make_bundle "$bundle"
  exit
else
  architecture=$(cut -d , -f 2 <<<"$gpu" | tr -d ' .')
  build_tree "$architecture" || { echo "gpu_check: the build failed" >&2; exit 1; }
  results=$here/../docs/results
fi

# ---- Checks ----------------------------------------------------------------------------------------

begin=$SECONDS

note() {  # NAME VERDICT TEXT
  lines+=("| $1 | $2 | $3 |")
  printf '%-42s %-8s %s\n' "$1" "$2" "$3"
  [[ "$2" != fail ]] || failed=$((failed + 1))
}

why_not() {  # the reason why a GPU check cannot run; nothing if it can
  if [[ -z "$gpu" ]]; then
    echo "no NVIDIA GPU on this machine"
  elif [[ $has_cuda == no ]]; then
    echo "this build has no CUDA"
  elif ((SECONDS - begin > limit)); then
    echo "the $limit s are used up"
  fi
}

last_line() { grep -v '^$' "$1" | tail -n 1; }

check() {  # NAME COMMAND...: what it says last is the result
  local name=$1 log=$work/check.log status=0
  shift
  "$@" >"$log" 2>&1 || status=$?
  if ((status == 0)) && [[ "$(last_line "$log")" == "0 passed"* ]]; then
    note "$name" "not run" "$(grep -m 1 '^skipped: ' "$log")"
  elif ((status == 0)); then
    note "$name" pass "$(last_line "$log")"
  else
    note "$name" fail "status $status: $(last_line "$log")"
  fi
}

gpu_check() {  # the same, where there is a GPU
  local reason
  reason=$(why_not)
  if [[ -n "$reason" ]]; then note "$1" "not run" "$reason"; else check "$@"; fi
}

bits() {  # PROGRAM FILE
  HOURGLASS_BITS_FILE=$2 timeout 120 "$bin/$1" "hashes of small trainings"
}

same_bits() {
  bits test_cuda "$work/emulator.bits" && bits test_gpu_plain "$work/gpu.bits" &&
    diff "$work/emulator.bits" "$work/gpu.bits" &&
    echo "$(wc -l <"$work/gpu.bits") trainings, the same hashes"
}

sanitize() {  # TOOL
  timeout 120 compute-sanitizer --tool "$1" --error-exitcode 9 "$bin/test_gpu_plain" \
    "hashes of small trainings"
}

field() { python3 -c 'import json, sys; print(json.load(sys.stdin)'"$1"')'; }

train() { timeout 120 "$bin/hourglass" train --json --force --out "$work/run" "$@"; }

quality() {  # PRESET LARGEST_DIFFERENCE in test SE between GPU and CPU
  local on_gpu on_cpu
  on_gpu=$(train --preset "$1" --device cuda | field '["test"]["se"]') || return 1
  on_cpu=$(train --preset "$1" --device cpu | field '["test"]["se"]') || return 1
  python3 -c "exit(not abs($on_gpu - $on_cpu) <= $2)" || { echo "SE $on_gpu, CPU $on_cpu"; return 1; }
  echo "test SE $on_gpu on the GPU, $on_cpu on the CPU"
}

five_hashes() {
  local hashes
  hashes=$(for _ in 1 2 3 4 5; do
    train --device cuda --epochs 1 | field '["parameters_hash"]' || echo failed
  done | sort | uniq -c)
  echo "$hashes"
  [[ "$hashes" =~ ^\ *5\ [0-9a-f]+$ ]]
}

benchmark() {  # every kernel, product and step; the JSON is kept beside the result file
  timeout 240 "$bin/hourglass" bench --device cuda --cold --json >"$work/bench.json" || return 1
  python3 - "$work/bench.json" <<'PYTHON' || return 1
import json, sys
report = json.load(open(sys.argv[1]))
rates, rows = report["rates"], report["results"]
print(f"{len(rows)} rows, {sum('not_run' in row for row in rows)} of them not run; copies "
      f"{rates['l2_tb_per_s']:.2f} TB/s in the L2 cache, {rates['memory_tb_per_s']:.2f} outside; "
      f"TFLOP/s {rates['products_tflops']}")
PYTHON
  cp "$work/bench.json" "$results/$(date +%F)-gpu-bench.json"
}

step_time() {  # BATCH PRECISION: of the benchmark's ways with graphs
  python3 - "$work/bench.json" "$1" "$2" <<'PYTHON'
import json, sys
path, batch, precision = sys.argv[1:]
rows = [row for row in json.load(open(path))["results"]
        if row["group"] == "steps" and row["batch"] == int(batch)
        and row["precision"] == precision and row["version"] in ("kernels", "fused")]
timed = [row for row in rows if "median_us" in row]
print("; ".join(f"{row['version']} {row['median_us']:.1f} us a step "
                f"({row['min_us']:.1f} to {row['max_us']:.1f}), "
                f"{row['images_per_s'] / 1e6:.2f} M images/s" for row in timed))
sys.exit(0 if timed else 1)
PYTHON
}

echo "GPU: ${gpu:-none}"
[[ ! -x "$bin/test_kernels" ]] || check "emulator: kernels" timeout 120 "$bin/test_kernels"
check "emulator: engine" timeout 120 "$bin/test_cuda"
check "emulator: hashes of small trainings" bits test_cuda "$work/emulator.bits"

gpu_check "GPU: kernels" timeout 120 "$bin/test_gpu_kernels"
gpu_check "GPU: engine, plain products" timeout 120 "$bin/test_gpu_plain"
gpu_check "GPU: engine, cuBLASLt" timeout 120 "$bin/test_gpu_engine"
if [[ -x "$bin/test_gpu_cudnn" || -n "$(why_not)" ]]; then
  gpu_check "GPU: cuDNN's second opinion" timeout 120 "$bin/test_gpu_cudnn"
else
  note "GPU: cuDNN's second opinion" "not run" "cuDNN is no part of the bundle"
fi
gpu_check "GPU and emulator: the same bits" same_bits
for tool in memcheck racecheck initcheck synccheck; do
  if [[ -z "$(why_not)" ]] && ! command -v compute-sanitizer >/dev/null; then
    note "GPU: compute-sanitizer $tool" "not run" "no compute-sanitizer on this machine"
  else
    gpu_check "GPU: compute-sanitizer $tool" sanitize "$tool"
  fi
done
gpu_check "GPU: default training" quality principal 0.03
gpu_check "GPU: tutorial training" quality tutorial 9  # the spread between seeds: 14 to 23
gpu_check "GPU: five trainings, one hash" five_hashes
gpu_check "GPU: benchmark" benchmark
for precision in tf32 fp32 bf16; do
  for batch in 150 512 4096 16384 60000; do
    if [[ -z "$(why_not)" && ! -s "$work/bench.json" ]]; then
      note "GPU: step, batch $batch, $precision" "not run" "the benchmark failed"
    else
      gpu_check "GPU: step, batch $batch, $precision" step_time "$batch" "$precision"
    fi
  done
done

passed=$(printf '%s\n' "${lines[@]}" | grep -c '| pass |')
not_run=$(printf '%s\n' "${lines[@]}" | grep -c '| not run |')
summary="$passed passed, $failed failed, $not_run not run"
file=$results/$(date +%F)-gpu-check.md
{
  echo "# GPU check, $(date +%F)"
  echo
  echo "GPU: ${gpu:-none}. $summary, in $((SECONDS - begin)) s. Written by \`tools/gpu_check.sh\`."
  echo
  echo "| check | verdict | |"
  echo "|---|---|---|"
  printf '%s\n' "${lines[@]}"
} >"$file"
echo "$summary; $file"
((failed == 0))
