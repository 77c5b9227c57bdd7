"""Emoji for text models that have none in their vocabulary.

A posts' emoji often carry its whole feeling, and BERT's vocabulary reads nearly all of them as [UNK]. Each
emoji becomes a token of its own whose vector starts as the mean of the words of its Unicode name ("face with
tears of joy"), so that it means something even where training never met it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from posthue.data.emoji import EMOJI_BLOCKS

#: Words of Unicode names that say how a picture is drawn, not what it means.
_DRAWING = frozenset(["black", "white", "heavy", "with", "of", "sign", "symbol", "emoji"])


def emoji() -> Iterator[tuple[str, str]]:
    """Yield every emoji with its lower-case Unicode name."""
    for first, last in EMOJI_BLOCKS:
        for code in range(first, last + 1):
            name = unicodedata.name(chr(code), "")
            if name and unicodedata.category(chr(code)) in ("So", "Sk"):
                yield chr(code), name.lower().replace("-", " ")


def add_emoji(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """Give the model a token for every emoji that its tokenizer does not know; return how many.

    Changes both in place. The vector of an emoji is the mean of the vectors of its name's word pieces.
    """
    unknown = [(char, name) for char, name in emoji() if _is_unknown(char, tokenizer)]
    if not unknown:
        return 0
    pieces = [_pieces(name, tokenizer) for _, name in unknown]
    table = _table(model).weight.detach()
    vectors = torch.stack([table[ids].mean(0) for ids in pieces])
    first = len(tokenizer)
    tokenizer.add_tokens([char for char, _ in unknown])
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    with torch.no_grad():
        _table(model).weight[first : first + len(vectors)] = vectors
    return len(unknown)


def _table(model: PreTrainedModel) -> nn.Embedding:
    return cast(nn.Embedding, model.get_input_embeddings())


def _is_unknown(char: str, tokenizer: PreTrainedTokenizerBase) -> bool:
    ids = tokenizer(char, add_special_tokens=False)["input_ids"]
    return not ids or tokenizer.unk_token_id in ids


def _pieces(name: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    words = [word for word in name.split() if word not in _DRAWING] or name.split()
    ids: list[int] = tokenizer(" ".join(words), add_special_tokens=False)["input_ids"]
    return ids
