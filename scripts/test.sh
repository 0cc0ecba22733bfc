#!/usr/bin/env bash
# Command two: everything that is checked before a change is accepted. Arguments go to pytest.
#
#   bash scripts/test.sh                     all of it
#   bash scripts/test.sh tests/metrics -x    the checks, then these tests
set -euo pipefail

source "$(dirname -- "${BASH_SOURCE[0]}")/environment.sh"
prepare_environment test

failed=()
check() {
    local name="$1"
    shift
    say "$name"
    "$@" || failed+=("$name")
}

check "ruff check" ruff check .
check "ruff format" ruff format --check .
check "mypy" mypy
check "import contract" lint-imports
check "typos" typos
check "shared sections" python scripts/sync_shared.py --check
# All tests in two processes, a file at a time; a few tests are quicker in one.
workers=(-n 2 --dist loadfile)
(($#)) && workers=()
check "pytest" python -m pytest ${workers[@]+"${workers[@]}"} "$@"

if ((${#failed[@]})); then
    printf -v list '%s, ' "${failed[@]}"
    say "failed: ${list%, }"
    exit 1
fi
