#!/usr/bin/env bash
# Sets up, builds, runs every test, and ends with "N passed, N failed, N skipped". Each skip is printed
# with its reason. HOURGLASS_SANITIZERS=0 leaves the sanitizer builds out.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup.sh
report=$(mktemp)
trap 'rm -f "$report"' EXIT
export HOURGLASS_TEST_REPORT="$report"
status=0

# preset, then the targets and tests it is for: all, or a list of test binaries
run_preset() {
  local preset=$1
  shift
  cmake --preset "$preset" >/dev/null
  if [ "$#" -eq 0 ]; then
    cmake --build --preset "$preset"
    ctest --preset "$preset" --output-on-failure || status=1
  else
    cmake --build --preset "$preset" --target "$@"
    ctest --preset "$preset" --output-on-failure -R "^($(IFS='|' && echo "$*"))\$" || status=1
  fi
}

run_preset default
if [ "${HOURGLASS_SANITIZERS:-1}" = 1 ]; then
  run_preset asan test_core test_data test_files test_cpu
  run_preset tsan test_cpu
fi

grep '^skipped: ' "$report" | sort -u || true
awk '/^counts / { passed += $2; failed += $3; skipped += $4 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
           exit passed + failed == 0 }' "$report" || status=1
exit "$status"
