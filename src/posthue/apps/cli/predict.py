"""``posthue predict``: one post."""

from __future__ import annotations

import typer

import posthue
from posthue.apps.cli.options import AsJson, BadImage, Image, Model, OnBadImage, Text, Threads
from posthue.apps.cli.streams import echo_json, read_text
from posthue.errors import InputError, RowError


def predict(
    text: Text = None,
    *,
    image: Image = None,
    model: Model = "default",
    threads: Threads = None,
    as_json: AsJson = False,
    on_bad_image: OnBadImage = BadImage.ERROR,
) -> None:
    """Predict one post: a text, a picture, or both."""
    if text is None and image is None:
        raise InputError('give a text, a picture, or both: posthue predict "what a day" --image photo.jpg')
    post = posthue.Post(read_text(text), image)
    prediction = posthue.load(model, threads=threads, on_bad_image=on_bad_image.value).predict(post)
    if as_json:
        echo_json(prediction.to_dict())
        raise typer.Exit(0 if prediction.ok else 2)
    if prediction.error is not None:
        raise RowError(prediction.error)
    from posthue.apps.cli.printing import print_prediction

    print_prediction(prediction)
