"""Uploaded tables at work: one after the other, in a folder of their own that goes with the job.

waiting → working → done → (deleted, or too old) gone
                  ↘ failed

A job that failed or was fetched stays too, but makes room where new uploads need it.
"""

from __future__ import annotations

import logging
import re
import secrets
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from posthue.apps.service.problems import ApiError, busy
from posthue.apps.service.service import Service
from posthue.apps.web.gist import Gist
from posthue.apps.web.uploads import READ, StoppedError, Upload, UploadClassifier, prepare
from posthue.errors import PosthueError

if TYPE_CHECKING:
    from posthue.runtime.scoring.rows.summary import ScoreSummary

_log = logging.getLogger("posthue.serve")
FORMATS = ("csv", "jsonl", "parquet")
_BATCH_ROWS = 128
_SWEEP_SECONDS = 5.0
_UNPACKED = 10  # times the limit of an upload
_NO_RESULT_YET = 60  # seconds to come again after, where no upload is done
_OPTIONS = "say which with --text-column or --image-column"


class JobState(StrEnum):
    """Where a job is on its way."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class WebJob:
    """One uploaded table. The worker writes it, the pages read it."""

    id: str
    name: str
    folder: Path
    ending: str
    gist: Gist
    state: JobState = JobState.WAITING
    done: int = 0
    total: int | None = None
    message: str = ""
    summary: ScoreSummary | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    touched: float = field(default_factory=time.monotonic)
    source: Path | None = None
    fetched: bool = False

    @property
    def result(self) -> Path:
        """The file with the scored rows, when it is there."""
        return self.folder / f"scored.{self.ending}"

    @property
    def is_spent(self) -> bool:
        """Whether nobody needs it any more: it failed, or its result was downloaded."""
        return self.state is JobState.FAILED or (self.state is JobState.DONE and self.fetched)

    def progress(self, done: int, total: int | None) -> None:
        """Note how far it is."""
        self.done, self.total = done, total


class Jobs:
    """The jobs of one server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._jobs: dict[str, WebJob] = {}
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="posthue-upload")
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="posthue-sweep", daemon=True)
        self._root: Path | None = None

    def start(self) -> None:
        """Make the folder of all jobs, and start to look after old ones."""
        self._root = Path(tempfile.mkdtemp(prefix="posthue-serve-"))
        self._sweeper.start()

    def close(self) -> None:
        """Stop the jobs and delete everything."""
        self._closing.set()
        for job in list(self._jobs.values()):
            self.delete(job.id)
        self._worker.shutdown(cancel_futures=True)
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)

    def open(self, name: str, ending: str) -> WebJob:
        """Return a new job with an empty folder; the oldest spent one makes room.

        Raises ApiError 503 where all that there may be are at work or wait to be fetched.
        """
        if ending not in FORMATS:
            raise ApiError(422, "unreadable", f"as: one of {', '.join(FORMATS)}")
        with self._lock:
            self._make_room()
            key = secrets.token_urlsafe(18)
            folder = Path(tempfile.mkdtemp(dir=self._root))
            job = WebJob(key, name, folder, ending, Gist(self._service.classifier.schemes))
            self._jobs[key] = job
        return job

    def run(self, job: WebJob, source: Path, *, trusted: bool = False) -> None:
        """Queue a job for ``source``. trusted: a table of our own, whose pictures may be opened as files."""
        job.source = source
        self._worker.submit(self._run, job, trusted)

    def find(self, key: str) -> WebJob:
        """Return the job called ``key``; raise ApiError 404."""
        job = self._jobs.get(key)
        if job is None:
            raise ApiError(404, "not_found", "there is no such upload: it was fetched, deleted, or too old")
        job.touched = time.monotonic()
        return job

    def delete(self, key: str) -> None:
        """Stop a job and delete what it has; nothing where there is no such job."""
        with self._lock:
            job = self._jobs.pop(key, None)
        if job is not None:
            _forget(job)

    def _make_room(self) -> None:
        """Delete the oldest spent jobs until there is room for one more; raise ApiError 503."""
        while len(self._jobs) >= self._service.settings.max_jobs:
            spent = [job for job in self._jobs.values() if job.is_spent]
            if not spent:
                message = "as many uploads as the server keeps are there; try again later"
                raise busy(message, self._seconds_to_room())
            _forget(self._jobs.pop(min(spent, key=lambda job: job.touched).id))

    def _seconds_to_room(self) -> int:
        """Seconds until the first result goes if nobody looks at it again; a guess where none is done."""
        seconds = self._service.settings.job_seconds
        done = [job.touched for job in self._jobs.values() if job.state is JobState.DONE]
        if not done:
            return _NO_RESULT_YET
        return ceil(max(0.0, min(done) + seconds - time.monotonic()) + min(_SWEEP_SECONDS, seconds / 4))

    def _run(self, job: WebJob, trusted: bool) -> None:  # noqa: FBT001
        if job.stopped.is_set():
            return
        job.state = JobState.WORKING
        try:
            job.summary = self._score(job, trusted=trusted)
            job.state = JobState.DONE
        except StoppedError:
            pass
        except PosthueError as error:
            job.message = _for_visitor(str(error), job)
            job.state = JobState.FAILED
        except Exception as error:  # the worker must live for the next job
            if not job.stopped.is_set():
                _log.error("an upload failed: %s", type(error).__name__)
            job.message = "the server failed to read this file"
            job.state = JobState.FAILED
        finally:
            job.touched = time.monotonic()
            _forget_upload(job, trusted=trusted)

    def _score(self, job: WebJob, *, trusted: bool) -> ScoreSummary:
        from posthue.runtime.scoring.rows.one_file import score_file  # noqa: PLC0415  (pyarrow)

        source = job.source or job.folder
        limit = self._service.settings.max_upload * _UNPACKED
        upload = Upload(source, source.parent, own=True) if trusted else prepare(source, max_bytes=limit)
        classifier = UploadClassifier(self._service, upload, job.gist, job.stopped)
        try:
            return score_file(
                upload.table,
                job.result,
                classifier,
                batch_rows=_BATCH_ROWS,
                progress=job.progress,
            )
        finally:
            classifier.close()

    def _sweep(self) -> None:
        seconds = self._service.settings.job_seconds
        while not self._closing.wait(min(_SWEEP_SECONDS, seconds / 4)):
            old = time.monotonic() - seconds
            for job in list(self._jobs.values()):
                if job.touched < old and job.state in (JobState.DONE, JobState.FAILED):
                    self.delete(job.id)


def _forget(job: WebJob) -> None:
    """Stop a job and delete its folder."""
    job.stopped.set()
    shutil.rmtree(job.folder, ignore_errors=True)


def _forget_upload(job: WebJob, *, trusted: bool) -> None:
    """Delete what was uploaded; the result stays."""
    if trusted:
        return
    for path in job.folder.glob("*"):
        if path != job.result:
            path.unlink(missing_ok=True)
    if job.state is JobState.FAILED or job.stopped.is_set():
        shutil.rmtree(job.folder, ignore_errors=True)


def _for_visitor(message: str, job: WebJob) -> str:
    """The message with the name that the person knows in the place of ours, and without our options."""
    message = message.replace(_OPTIONS, "name the column text or image")
    endings = "|".join(map(re.escape, READ))
    ours = rf"(?<![\w./-])(?:{re.escape(str(job.folder))}/)?(?:upload|table)(?:{endings})(?![\w.-])"
    paths = [re.escape(str(path)) for path in (job.source, job.folder) if path is not None]
    return re.sub("|".join([ours, *paths]), lambda _: job.name, message)
