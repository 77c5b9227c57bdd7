"""Encoders of a few kilobytes with random weights, made in code, and corpora to train them on in seconds."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.processors import TemplateProcessing
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
)

from posthue.data.corpora import Example
from posthue.data.images.spec import ImageSpec
from posthue.labels import SCHEMES
from posthue.model.post_model import PostModel, PostModelConfig
from posthue.model.processor import PostProcessor
from posthue.posts import Post
from posthue.training.datasets import rows
from posthue.training.recipes.schema import TrainingSource

_WORDS = """good great happy love best bad awful sad hate worst the a day is it this was so very film food
table chair window street angry rage joy smile cry tears face with of and in my at on we"""
WORDS = tuple(_WORDS.split())
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
TEXT_DIM = 16
SPEC = ImageSpec(size=64, crop_ratio=1.0, small_size=32)

SENTIMENT_WORDS = {
    "negative": "bad awful sad",
    "neutral": "table chair window",
    "positive": "good great happy",
}
EMOTION_WORDS = {"anger": "angry rage hate", "joy": "joy smile love", "sadness": "cry tears sad"}
FACES = {"anger": (0, 40), "joy": (3, 220), "sadness": (4, 130)}  # Kaggle's code and a shade of grey


def bert_config(**changes: Any) -> BertConfig:
    sizes = {
        "hidden_size": TEXT_DIM,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    }
    return BertConfig(**{"vocab_size": len(SPECIAL) + len(WORDS), **sizes, **changes})


def resnet_config(width: int = 8) -> ResNetConfig:
    return ResNetConfig(
        embedding_size=width, hidden_sizes=[width, 2 * width], depths=[1, 1], layer_type="basic"
    )


def vit_config(side: int = 64) -> ViTConfig:
    sizes = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return ViTConfig(image_size=side, patch_size=16, **sizes)


def bert_tokenizer() -> PreTrainedTokenizerFast:
    ids = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def tiny_model(
    *,
    text: PreTrainedConfig | None = None,
    image: PreTrainedConfig | None = None,
    small: PreTrainedConfig | None = None,
    schemes: Sequence[str] = ("sentiment", "emotion"),
    seed: int = 0,
    **fusion: Any,
) -> PostModel:
    """A model of random weights; ``fusion`` holds its kind and options."""
    torch.manual_seed(seed)
    kind = fusion.pop("fusion", "joint" if text is not None and image is not None else "single")
    config = PostModelConfig(
        text_encoder=text.to_dict() if text is not None else None,
        image_encoder=image.to_dict() if image is not None else None,
        small_image_encoder=small.to_dict() if small is not None else None,
        small_side=SPEC.small_size if small is not None else None,
        fusion=kind,
        fusion_options=fusion,
        schemes={name: list(SCHEMES[name].labels) for name in schemes},
    )
    return PostModel(config).eval()


def tiny_processor() -> PostProcessor:
    return PostProcessor(bert_tokenizer(), SPEC.to_dict(), 16)


def save_text_encoder(folder: Path, seed: int = 1) -> Path:
    torch.manual_seed(seed)
    BertModel(bert_config()).save_pretrained(folder)
    bert_tokenizer().save_pretrained(folder)
    return folder


def save_image_encoder(folder: Path, seed: int = 2) -> Path:
    torch.manual_seed(seed)
    ResNetModel(resnet_config()).save_pretrained(folder)
    settings = {
        "image_processor_type": "ConvNextImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": 64},
        "crop_pct": 1.0,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def write_corpora(data: Path, *, rows: int = 48, seed: int = 3) -> Path:
    """Write tweeteval/sentiment, tweeteval/emotion and fer2013 as they are published, but tiny and easy."""
    rng = np.random.default_rng(seed)
    codes = {"negative": "0", "neutral": "1", "positive": "2"}
    _write_tweets(data / "tweeteval" / "sentiment", SENTIMENT_WORDS, codes, rows, rng)
    codes = {"anger": "0", "joy": "1", "sadness": "2"}
    _write_tweets(data / "tweeteval" / "emotion", EMOTION_WORDS, codes, rows, rng)
    (data / "fer2013").mkdir(parents=True)
    with (data / "fer2013" / "fer2013.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        for usage, count in (("Training", rows), ("PublicTest", rows // 2)):
            writer.writerows([*_face(i, rng), usage] for i in range(count))
    return data


def _write_tweets(
    folder: Path, words: Mapping[str, str], codes: Mapping[str, str], rows: int, rng: np.random.Generator
) -> None:
    folder.mkdir(parents=True)
    names = "".join(f"{code}\t{label}\n" for label, code in codes.items())
    (folder / "mapping.txt").write_text(names, encoding="utf-8")
    for split, count in (("train", rows), ("val", rows // 2)):
        labels = [list(words)[i % len(words)] for i in range(count)]
        texts = [_tweet(words[label].split(), rng) for label in labels]
        (folder / f"{split}_text.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
        marks = "\n".join(codes[label] for label in labels)
        (folder / f"{split}_labels.txt").write_text(marks + "\n", encoding="utf-8")


def _tweet(telling: Sequence[str], rng: np.random.Generator) -> str:
    filler = ["the", "a", "day", "is", "it", "this", "was", "so", "very", "film", "food", "street"]
    words = [*rng.choice(filler, rng.integers(3, 8)), *rng.choice(list(telling), 2)]
    return " ".join(rng.permutation(words))


def _face(number: int, rng: np.random.Generator) -> tuple[int, str]:
    code, shade = list(FACES.values())[number % len(FACES)]
    pixels = np.clip(rng.normal(shade, 12, 48 * 48), 0, 255).astype(int)
    return code, " ".join(map(str, pixels))


def post_rows(posts: Sequence[Post], source: TrainingSource | None = None) -> Dataset:
    """Return posts without labels as rows of a dataset."""
    schemes, source = ("sentiment", "emotion"), source or TrainingSource("fi")
    each = [rows._row(Example(post, {}), source, schemes) for post in posts]
    return Dataset.from_list(each, features=rows.features_of(schemes))
