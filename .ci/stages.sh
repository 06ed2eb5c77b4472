# Stages: each runs whatever became of the ones before; finish sums them up. For run and nightly.
#
# Every test of a stage's ctest counts; a stage without tests counts as one, and so does a stage that
# fails for another reason than its tests.
passed=0
failed=0
report=()
stage_log=$(mktemp)
failure_log=$(mktemp)
trap 'rm -f "$stage_log" "$failure_log"' EXIT

# What ctest printed of each test that failed, 60 lines at most: said again at the end, where it is found.
failures() {
  awk -v stage="$1" '
    /^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ { shown = /\*\*\*/ && !/\*\*\*Skipped/ ? 60 : 0
                                        if (shown) print "\n--- " stage }
    /^ +Start +[0-9]+:/ { next }
    shown-- > 0' "$stage_log"
}

# stage NAME COMMAND...
stage() {
  local name=$1 start=$SECONDS rc=0 ok=0 bad=0 tests_bad tests_all
  shift
  printf '\n=== %s\n' "$name"
  "$@" 2>&1 | tee "$stage_log" || rc=${PIPESTATUS[0]}
  while read -r tests_bad tests_all; do
    ((bad += tests_bad, ok += tests_all - tests_bad)) || true
  done < <(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' "$stage_log")
  failures "$name" >>"$failure_log"
  if ((rc != 0 && bad == 0)); then bad=1; fi
  if ((rc == 0 && ok == 0)); then ok=1; fi
  ((passed += ok, failed += bad)) || true
  report+=("$(printf '%-24s %5d s %6d passed %4d failed' "$name" $((SECONDS - start)) "$ok" "$bad")")
}

# with_preset NAME [CTEST ARGUMENT...]: configure, build, test. CMAKE_ARGS may add cache variables.
with_preset() {
  local preset=$1
  shift
  # shellcheck disable=SC2086
  cmake --preset "$preset" ${CMAKE_ARGS:-} && cmake --build --preset "$preset" -j "$(nproc)" &&
    ctest --preset "$preset" "$@"
}

finish() {
  cat "$failure_log"
  printf '\n'
  printf '%s\n' "${report[@]}"
  echo "$passed passed, $failed failed"
  ((failed == 0))
}
