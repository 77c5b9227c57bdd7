"""The OpenAPI document as a source of requests, fitting and not (schemathesis): a slow test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from serving import exchange, json_request, running, status_of

import posthue
from posthue.apps.service.settings import ServeSettings

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
#: Requests per operation and mode.
EXAMPLES = int(os.environ.get("POSTHUE_FUZZ", "25"))


@pytest.fixture(scope="module")
def port(tiny_bundle: Path) -> Iterator[int]:
    with running(posthue.load(tiny_bundle, threads=1), ServeSettings(max_text=2000)) as found:
        yield found


@pytest.fixture(scope="module")
def schema(port: int) -> Any:
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_no_request_makes_the_server_fail(port: int, schema: Any, mode: str) -> None:
    seen: dict[str, set[int]] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            seen[operation.label] = probe(operation, mode)
        except Unsatisfiable:  # an operation that takes nothing can be given nothing wrong
            assert mode == "negative"
    assert seen["POST /v1/predict"] & {200, 413, 415, 422}
    assert status_of(exchange(port, json_request({"text": "happy"}))) == 200


def probe(operation: Any, mode: str) -> set[int]:
    """Send made requests to one operation, and return the status codes of its answers."""
    documented = {int(status) for status in operation.definition.raw["responses"] if status.isdecimal()}
    seen: set[int] = set()

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
    def check(case: Any) -> None:
        status = case.call(timeout=30).status_code
        seen.add(status)
        assert status < 500 or status == 503
        assert status in documented | {400, 404, 405}

    check()
    return seen
