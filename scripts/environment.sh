# The environment of demo.sh and test.sh: sourced by them, it changes to the repository's root, makes .venv there if
# there is none, installs what is missing, and sets the threads' waiting policy.
#
#   prepare_environment            the package
#   prepare_environment test       the package with the test tools
#
# The package is installed in place (pip install --editable), so that both commands run the sources of this tree.
# A stamp in .venv holds a hash of everything the installation depends on: a second run installs nothing.

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# With libgomp's default spinning, any other process on the machine makes small torch operations many times slower.
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONUTF8=1

say() {
    printf '%s\n' "mrrecon: $*" >&2
}

is_new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

find_python() {
    local name
    for name in ${PYTHON:-python3.11 python3 python3.12 python3.13 python3.10 python}; do
        if is_new_enough "$name"; then
            printf '%s' "$name"
            return
        fi
    done
    say "Python 3.10 or newer is needed, and ${PYTHON:-$(python3 --version 2>&1 || true)} will not do: install Python 3.11, or name one with PYTHON=/path/to/python3.11."
    return 1
}

# A hash of what decides the installation: the declared packages, the tested versions, where the tree lies.
fingerprint() {
    .venv/bin/python - <<'PYTHON'
import hashlib, pathlib, sys

digest = hashlib.sha256(f"{sys.version} {pathlib.Path.cwd()}".encode())
for name in ("pyproject.toml", "constraints.txt", "mrrecon/__init__.py"):
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PYTHON
}

is_stamped() {
    [[ -f ".venv/mrrecon-$1.stamp" && "$(<".venv/mrrecon-$1.stamp")" == "$2" ]]
}

prepare_environment() {
    local extra="${1:-run}" target="." python wanted name
    [[ "$extra" == run ]] || target=".[$extra]"

    if ! is_new_enough .venv/bin/python; then
        python="$(find_python)" || return 1
        say "making .venv with $("$python" --version)"
        "$python" -m venv --clear .venv || {
            say "$python could not make a virtual environment: install its venv module (Debian and Ubuntu: apt install python3-venv)."
            return 1
        }
    fi

    wanted="$(fingerprint)"
    if ! is_stamped "$extra" "$wanted"; then
        # torch by itself and by its exact version first: a wheel that pip is configured to find locally (a build for
        # the processor alone, a fifth of the size) is taken for this version only.
        say "installing torch (once; this takes some minutes)"
        .venv/bin/python -m pip install --quiet --quiet "$(grep '^torch==' constraints.txt)"
        say "installing mrrecon and what it needs${1:+ for $1}"
        .venv/bin/python -m pip install --quiet --quiet --constraint constraints.txt --editable "$target"
        for name in run "$extra"; do
            printf '%s\n' "$wanted" >".venv/mrrecon-$name.stamp"
        done
        say "installed"
    fi
    PATH="$PWD/.venv/bin:$PATH"
}
