"""The fastText-style text model: an embedding table whose rows are averaged, and nothing else.

Starts from GloVe vectors and is trained with the rest (Joulin et al. 2017; Pennington et al. 2014). It is a
registered transformers model type, so it is saved, loaded and exported like every other encoder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput

from posthue.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]")


class WordVectorsConfig(PreTrainedConfig):
    """Size of the table: vocab_size rows of hidden_size."""

    model_type = "posthue-word-vectors"

    def __init__(
        self, vocab_size: int = 2, hidden_size: int = 25, pad_token_id: int = 0, **kwargs: Any
    ) -> None:
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        super().__init__(**{"pad_token_id": pad_token_id, **kwargs})


class WordVectorsModel(PreTrainedModel):
    """Look each token up; the caller averages."""

    config_class = WordVectorsConfig
    base_model_prefix = "word_vectors"

    def __init__(self, config: WordVectorsConfig) -> None:
        super().__init__(config)
        self.table = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the table."""
        return self.table

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another table in its place, as when tokens are added."""
        self.table = cast(nn.Embedding, value)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> BaseModelOutput:
        """Return the vectors [batch, length, hidden_size] of token ids [batch, length]."""
        return BaseModelOutput(last_hidden_state=self.table(input_ids))


AutoConfig.register(WordVectorsConfig.model_type, WordVectorsConfig, exist_ok=True)
AutoModel.register(WordVectorsConfig, WordVectorsModel, exist_ok=True)


def read_glove(path: str | Path) -> tuple[list[str], np.ndarray]:
    """Read vectors in GloVe's text format; return words and a float32 array [words, dim]."""
    words, rows = [], []
    with Path(path).open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            word, *values = line.rstrip("\n").split(" ")
            try:
                rows.append(np.asarray(values, dtype=np.float32))
            except ValueError:
                raise InputError(f"{path}, line {number}: not 'word number number …'") from None
            words.append(word)
    if not rows or len({len(row) for row in rows}) != 1:
        raise InputError(f"{path} holds no vectors, or vectors of different lengths")
    return words, np.stack(rows)


def from_glove(path: str | Path) -> tuple[WordVectorsModel, PreTrainedTokenizerFast]:
    """Build the model and its tokenizer from a file in GloVe's text format."""
    words, vectors = read_glove(path)
    words, vectors = _without_specials(words, vectors)
    config = WordVectorsConfig(vocab_size=len(words) + len(SPECIAL_TOKENS), hidden_size=vectors.shape[1])
    model = WordVectorsModel(config)
    with torch.no_grad():
        model.table.weight[len(SPECIAL_TOKENS) :] = torch.from_numpy(vectors)
        model.table.weight[1] = torch.from_numpy(vectors.mean(0))
        model.table.weight[0] = 0.0
    return model, word_tokenizer(words)


def word_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """Make a lower-casing word tokenizer whose ids are the positions of ``words`` after [PAD] and [UNK]."""
    vocabulary = {word: i for i, word in enumerate([*SPECIAL_TOKENS, *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    # GloVe's Twitter vectors call a mention <user>, a link <url>, and split a hashtag off its mark.
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"@user\b"), "<user>"),
            normalizers.Replace(Regex(r"\bhttp\b"), "<url>"),
            normalizers.Replace("#", "<hashtag> "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r"<\w+>|[\w']+|[^\w\s]"), behavior="removed", invert=True
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]")


def _without_specials(words: list[str], vectors: np.ndarray) -> tuple[list[str], np.ndarray]:
    seen: set[str] = set(SPECIAL_TOKENS)
    keep = [i for i, word in enumerate(words) if word not in seen and not seen.add(word)]  # type: ignore[func-returns-value]
    return [words[i] for i in keep], vectors[keep]
