#!/usr/bin/env bash
# Exercises what the deployment files say, without Docker: the steps of the Dockerfile in a folder of their own,
# the command and health check that it names, compose.yaml's shape, and the systemd unit.
#   scripts/check_deploy.sh            with PIP_INDEX_URL and the like as the environment has them
#   SKIP_INSTALL=1 PYTHON=… scripts/check_deploy.sh      with an installed posthue instead of the build steps
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-python3}
scratch=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

echo "== Dockerfile: what COPY takes is there, and .dockerignore lets it through"
mkdir "$scratch/src"
for name in $(sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' Dockerfile); do
    [ -e "$name" ] || { echo "COPY $name: no such file"; exit 1; }
    grep -qx "!$name" .dockerignore || { echo ".dockerignore keeps $name out"; exit 1; }
    cp -r "$name" "$scratch/src/"
done

if [ -z "${SKIP_INSTALL:-}" ]; then
    echo "== Dockerfile: the build step, in $scratch"
    "$PYTHON" -m venv "$scratch/venv"
    install=$(sed -n 's/^ *&& \/venv\/bin\/\(pip install .*\)$/\1/p' Dockerfile)
    [ -n "$install" ] || { echo "no pip install in the Dockerfile"; exit 1; }
    (cd "$scratch/src" && eval "$scratch/venv/bin/$install -q")
    PYTHON=$scratch/venv/bin/python
    posthue=("$scratch/venv/bin/posthue")
else
    posthue=("$PYTHON" -m posthue)
fi

echo "== Dockerfile: ENTRYPOINT and CMD, away from the source, with a read-only view of everything but TMPDIR"
port=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
command=$(sed -n 's/^CMD \[\(.*\)\]$/\1/p' Dockerfile | tail -1 | tr -d '",' | sed "s/ 8000/ $port/")
mkdir "$scratch/tmp"
(cd / && TMPDIR=$scratch/tmp PYTHONDONTWRITEBYTECODE=1 exec "${posthue[@]}" $command) &
server=$!
check=$(sed -n 's/^ *CMD \["python", "-c", "\(.*\)"\]$/\1/p' Dockerfile | sed "s/:8000/:$port/")
for _ in $(seq 120); do
    if "$PYTHON" -c "$check" 2>/dev/null; then healthy=yes; break; fi
    kill -0 "$server" || { echo "the server ended"; exit 1; }
    sleep 1
done
[ "${healthy:-}" = yes ] || { echo "the health check never passed"; exit 1; }
"$PYTHON" - "$port" <<'PY'
import json, sys, urllib.request
body = json.dumps({"text": "what a happy day"}).encode()
sent = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/v1/predict", body, {"Content-Type": "application/json"})
found = json.load(urllib.request.urlopen(sent, timeout=30))
print("answer:", {name: value["label"] for name, value in found.items() if isinstance(value, dict)})
PY

echo "== SIGTERM ends it with 0, and nothing is left in TMPDIR (onnxruntime leaves a file if it reports to its maker)"
kill -TERM "$server"
status=0
wait "$server" || status=$?
[ "$status" = 0 ] || { echo "it ended with $status"; exit 1; }
server=""
[ -z "$(ls -A "$scratch/tmp")" ] || { echo "left behind: $(ls -A "$scratch/tmp")"; exit 1; }

echo "== compose.yaml"
"$PYTHON" - <<'PY'
try:
    import yaml
except ModuleNotFoundError:
    print("   skipped: PyYAML is not installed")
else:
    services = yaml.safe_load(open("compose.yaml"))["services"]
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    print("   services:", ", ".join(services))
PY

echo "== deploy/posthue.service"
if command -v systemd-analyze >/dev/null; then
    sed "s|^ExecStart=[^ ]*|ExecStart=$(command -v true)|" deploy/posthue.service > "$scratch/posthue.service"
    found=$(systemd-analyze verify --man=no "$scratch/posthue.service" 2>&1 | grep -F posthue.service || true)
    [ -z "$found" ] || { echo "$found"; exit 1; }
    systemd-analyze security --offline=true "$scratch/posthue.service" 2>/dev/null | tail -1 || true
else
    echo "   skipped: no systemd-analyze"
fi
echo "deployment files: passed"
