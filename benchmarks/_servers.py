"""The servers of serve_load.py, each a process of its own.

    python benchmarks/_servers.py KIND FOLDER PORT THREADS

KIND is posthue (what ``posthue serve`` runs, with its cache off), plain-threads or plain-async: the endpoint
that people write around the transformers pipeline, as a function that FastAPI runs in threads, or as a
coroutine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def main() -> None:
    kind, folder, port, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    import uvicorn

    app = posthue_app(folder, threads) if kind == "posthue" else plain_app(folder, threads, kind)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


def posthue_app(folder: Path, threads: int) -> Any:
    from posthue.apps.server import create_app
    from posthue.apps.service.settings import ServeSettings
    from posthue.runtime.bundle.folder import Bundle
    from posthue.runtime.classifier import PostClassifier
    from posthue.runtime.inference.engine import Engine

    engine = Engine(Bundle.open(folder), threads=threads, cache_bytes=0)
    return create_app(PostClassifier(engine), ServeSettings(web=False))


def plain_app(folder: Path, threads: int, kind: str) -> Any:
    import torch
    from fastapi import FastAPI
    from transformers import pipeline

    torch.set_num_threads(threads)
    pipe = pipeline("text-classification", model=str(folder), device="cpu")
    app = FastAPI()

    @app.get("/readyz")
    def readyz() -> str:
        return "ready"

    if kind == "plain-threads":

        @app.post("/v1/predict")
        def predict(post: dict[str, str]) -> dict[str, Any]:
            return dict(pipe(post["text"], truncation=True)[0])
    else:

        @app.post("/v1/predict")
        async def predict_async(post: dict[str, str]) -> dict[str, Any]:
            return dict(pipe(post["text"], truncation=True)[0])

    return app


if __name__ == "__main__":
    main()
