#!/usr/bin/env bash
# Builds and runs every test: all of them in release mode, the fast ones again under
# AddressSanitizer with UndefinedBehaviorSanitizer, and those with threads under ThreadSanitizer.
# The last line is "N passed, N failed, N skipped"; the exit status is not 0 when a test failed or
# none ran. HOURGLASS_PRESETS chooses some of "default asan tsan".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

presets=${HOURGLASS_PRESETS:-default asan tsan}
declare -A targets=([default]=all [asan]=unit_tests [tsan]=thread_tests)
declare -A labels=([default]="" [asan]=unit [tsan]=threads)
report=$(mktemp)
junit=$(mktemp)
trap 'rm -f "$report" "$junit"' EXIT
passed=0
failed=0
skipped=0

# Adds up the report's "counts PASSED FAILED SKIPPED" lines. A test that wrote no report died early,
# so ctest's own count of failures is a lower bound.
add_counts() {
  local p=0 f=0 s=0 word a b c died
  while read -r word a b c _; do
    [[ "$word" == counts ]] || continue
    p=$((p + a)) f=$((f + b)) s=$((s + c))
  done <"$report"
  died=$(grep -o 'failures="[0-9]*"' "$junit" | head -n 1 | tr -dc 0-9 || true)
  ((f >= ${died:-1})) || f=${died:-1}
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

tools/setup.sh
for preset in $presets; do
  printf '\n== %s\n' "$preset"
  cmake --preset "$preset" >/dev/null
  if ! cmake --build --preset "$preset" --target "${targets[$preset]}"; then
    echo "the $preset build failed"
    failed=$((failed + 1))
    continue
  fi
  : >"$report"
  : >"$junit"
  chosen=()
  [[ -z "${labels[$preset]}" ]] || chosen=(--label-regex "^${labels[$preset]}\$")
  HOURGLASS_TEST_REPORT=$report ctest --preset "$preset" --parallel 2 --output-junit "$junit" \
    "${chosen[@]}" || true
  add_counts
  grep '^skipped: ' "$report" | sort -u || true
done

printf '\n'
echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0 && passed > 0))
