"""``posthue stream``: posts as they come, from standard input or Kafka."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import posthue
from posthue.apps.cli.options import Model, Threads
from posthue.errors import InputError

if TYPE_CHECKING:
    from posthue.runtime.streaming.loop import MessageSink, MessageSource


def stream(
    *,
    model: Model = "default",
    batch: Annotated[int, typer.Option(min=1, help="Most posts predicted together.")] = 32,
    max_delay_ms: Annotated[
        float, typer.Option(min=0, help="Longest time in milliseconds that a post waits for others.")
    ] = 50.0,
    threads: Threads = None,
    kafka: Annotated[
        str | None, typer.Option(help="Kafka servers, host:port. Default: standard input and output.")
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Kafka topic of the posts.")] = None,
    output_topic: Annotated[str | None, typer.Option(help="Kafka topic of the predictions.")] = None,
    group: Annotated[str, typer.Option(help="Kafka consumer group.")] = "posthue",
    kafka_settings: Annotated[
        Path | None,
        typer.Option(help="File of further client settings, name=value: security.protocol …"),
    ] = None,
) -> None:
    """Predict posts as they come: JSON lines in, JSON lines out.

    From standard input or Kafka. SIGTERM finishes what was read and ends.
    """
    from posthue.runtime.streaming.lines import LineSink, LineSource
    from posthue.runtime.streaming.loop import run_stream

    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    if kafka is None and (sys.stdin is None or sys.stdout is None):  # closed by whoever started us
        raise InputError("stream reads standard input and writes standard output, and one is closed")
    classifier = posthue.load(model, threads=threads)
    source: MessageSource
    sink: MessageSink
    if kafka is None:
        source, sink = LineSource(sys.stdin.buffer), LineSink(sys.stdout.buffer)
    else:
        source, sink = _kafka(kafka, topic, output_topic, group, kafka_settings)
    try:
        summary = run_stream(
            source, sink, classifier, batch=batch, max_delay=max_delay_ms / 1000, stopped=stop.is_set
        )
    except BrokenPipeError:  # whoever read our answers has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    typer.echo(
        f"{summary.posts:,} posts, {summary.failed:,} failed, slowest answer {summary.slowest * 1000:.0f} ms",
        err=True,
    )


def _kafka(
    servers: str, topic: str | None, output_topic: str | None, group: str, settings: Path | None
) -> tuple[MessageSource, MessageSink]:
    from posthue.runtime.streaming.kafka import KafkaSink, KafkaSource, connect, read_settings

    if topic is None or output_topic is None:
        raise InputError("--kafka needs --topic and --output-topic")
    consumer, producer = connect(servers, group, read_settings(settings) if settings else None)
    return KafkaSource(consumer, topic), KafkaSink(producer, output_topic)
