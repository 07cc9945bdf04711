#!/bin/sh
# Makes .venv exactly what requirements-dev.lock says; returns at once when it already is.
set -eu
cd "$(dirname "$0")/../.."
lock=requirements-dev.lock
stamp=.venv/installed.lock # a copy of the lock that the environment was made from

if [ -x .venv/bin/python ] && cmp -s "$lock" "$stamp" && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup: Kontaktwerk needs Python 3.11 or newer, and found $(python3 --version 2>/dev/null || echo none)." >&2
    echo "       Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python)" >&2
    echo "       or name it: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
fi

if ! [ -x .venv/bin/python ] || ! fits .venv/bin/python || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    if ! "$python" -m venv .venv 2>.venv-error; then
        cat .venv-error >&2
        rm -rf .venv .venv-error
        echo "setup: $python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    fi
    rm -f .venv-error
fi

total=$(grep -c '^[a-z0-9].*==' "$lock")
log=.venv/setup.log
terminal=0
if [ -t 2 ]; then terminal=1; fi
echo "setup: installing $total locked packages into .venv (about a minute the first time)" >&2
# The lock is complete, so nothing is resolved (--no-deps), and every file must have the hash that stands in it.
{
    .venv/bin/python -m pip install --disable-pip-version-check --no-input --require-hashes --no-deps \
        --progress-bar off --no-compile -r "$lock" 2>&1 || echo "setup failed"
} | tee "$log" | awk -v total="$total" -v terminal="$terminal" '
    /^(Collecting|Requirement already satisfied)/ {
        n++
        if (terminal) { printf "\r  %d of %d ", n, total > "/dev/stderr" }
        else if (n % 25 == 0) { printf "  %d of %d\n", n, total > "/dev/stderr" }
    }
    /^Installing collected/ { printf (terminal ? "\r  unpacking …      " : "  unpacking …\n") > "/dev/stderr" }
    END { if (terminal) { printf "\r                    \r" > "/dev/stderr" } }'
if grep -q '^setup failed$' "$log"; then
    grep -E '^ERROR|^  ' "$log" | tail -n 20 >&2
    echo "setup: pip failed; the whole output is in $log. Is the package index reachable?" >&2
    exit 1
fi
cp "$lock" "$stamp"
