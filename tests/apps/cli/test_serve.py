from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from command_line import run


def test_mistakes_are_one_line(
    tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve = ("serve", "--model", tiny_bundle, "--port")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(*serve, str(taken.getsockname()[1])) == 2
    assert "choose another --port" in capsys.readouterr().err
    assert run(*serve, "0", "--cors", "app.example") == 2
    assert "an origin begins with http" in capsys.readouterr().err
    monkeypatch.setenv("POSTHUE_API_KEY", " ")
    assert run(*serve, "0") == 2
    assert capsys.readouterr().err == "posthue: the API key is empty: set one, or unset POSTHUE_API_KEY\n"


def test_a_served_model_answers_and_ends_well(tiny_bundle: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "posthue",
        "serve",
        "--port",
        "0",
        "--model",
        str(tiny_bundle),
    ]
    environment = {**os.environ, "POSTHUE_API_KEY": "k3y\n", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        greeting = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/ \(asks for the API key\)", greeting)
        assert found is not None, greeting
        assert "k3y" not in greeting
        headers = {"Content-Type": "application/json", "Authorization": "Bearer k3y"}
        url = f"http://127.0.0.1:{found[1]}/v1/predict"
        sent = urllib.request.Request(url, json.dumps({"text": "happy"}).encode(), headers)
        with urllib.request.urlopen(sent, timeout=60) as answer:
            assert json.load(answer)["sentiment"]["label"] == "positive"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []
