"""Teach a model's token scores from a stage's own training posts.

A fusion that is to learn how far to trust the scores must see them as they are for new posts: of a post that
taught them they are far too sure. So its training posts are scored by classifiers of the other folds
(stacking, Wolpert 1992), with near-duplicate texts in one fold, and all other posts by the classifier of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from datasets import Dataset
from scipy.sparse import csr_matrix, vstack

from posthue.baselines.tfidf import FOLDS, word_regression
from posthue.data.duplicates.texts import text_groups
from posthue.data.splits.stratified import stratified_folds
from posthue.errors import CorpusError, RecipeError
from posthue.model.encoders.token_scores import TokenScores
from posthue.model.processor import PostProcessor
from posthue.training.datasets.batches import Collator
from posthue.training.datasets.rows import single_labels
from posthue.training.stages.build import StageModel
from posthue.training.stages.inputs import StageInputs

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]

#: Texts in which a token must come to count.
LEAST_TEXTS = 2
#: How far the scores are spread out: beside hundreds of features, a fusion with weight decay and a layer norm
#: would hardly listen to a few that vary by one.
SPREAD = 3.0
#: How much less likely than any other a label is that no text has.
_NEVER = 5.0
#: Texts that are scored at a time.
_BATCH = 1024


def add_token_scores(
    start: StageModel, sources: Mapping[str, str], inputs: StageInputs, *, seed: int
) -> None:
    """Teach the model's token scores, and put them beside the text features of training and validation.

    sources: as teach_token_scores wants them. Raises RecipeError for a fusion that attends to tokens.
    """
    if start.model.text is None or start.model.text.scores is None:
        raise AssertionError("a stage with token scores has a text encoder with them")
    if start.model.fusion.wants_sequences:
        raise RecipeError("token_scores cannot stand beside tokens that a fusion attends to")
    scores, processor = start.model.text.scores, start.processor
    columns = teach_token_scores(scores, sources, processor, inputs.training, seed=seed)
    _add_columns(inputs.collator, columns)
    for entry in inputs.validation:
        if "text" in entry.collator.features:
            _add_columns(entry.collator, score_texts(scores, processor, entry.dataset["text"][:]))


def teach_token_scores(
    scores: TokenScores, sources: Mapping[str, str], processor: PostProcessor, dataset: Dataset, *, seed: int
) -> Scores:
    """Teach ``scores``; return those of the dataset's texts [rows, labels], none by a classifier that saw it.

    sources: scheme → corpus whose rows teach the classifier, in the order in which ``scores`` has them.
    Raises CorpusError for a corpus whose texts have not two labels of the scheme.
    """
    ids, texts = dataset["id"][:], dataset["text"][:]
    unseen: list[tuple[Ints, Scores]] = []
    for number, (scheme, corpus) in enumerate(sources.items()):
        rows, labels = single_labels(dataset, scheme)
        own = [bool(texts[row]) and ids[row].startswith(f"{corpus}/") for row in rows]
        rows, labels = rows[own], labels[own]
        if len(np.unique(labels)) < 2:
            raise CorpusError(f"token_scores: no two labels of {scheme} among {len(rows)} texts of {corpus}")
        some, size = [texts[row] for row in rows], scores.sizes[number]
        counts = _counts(processor, some, scores.tokens)
        scores.teach(number, *_fit(counts, labels, size))
        unseen.append((rows, _by_others(processor, some, counts, labels, size, seed)))
    all_scores = score_texts(scores, processor, texts)
    for number, (rows, values) in enumerate(unseen):
        all_scores[np.ix_(rows, np.arange(*scores.span(number)))] = values
    return all_scores


def score_texts(scores: TokenScores, processor: PostProcessor, texts: Sequence[str | None]) -> Scores:
    """Return the scores of texts [texts, labels of all]; of no text, those of an empty one."""
    batches = [scores(tokens["input_ids"], tokens["attention_mask"]) for tokens in _tokens(processor, texts)]
    return torch.cat(batches).numpy()


def _by_others(
    processor: PostProcessor, texts: Sequence[str], counts: csr_matrix, labels: Ints, size: int, seed: int
) -> Scores:
    """Score every text by a classifier that has not seen it, nor one nearly the same.

    counts: the texts' tokens [texts, tokens].
    """
    scores = np.zeros((len(texts), size), np.float32)
    for learn, rest in stratified_folds(labels.tolist(), FOLDS, seed=seed, groups=text_groups(texts)):
        fold = TokenScores(counts.shape[1], (size,))
        fold.teach(0, *_fit(counts[learn], labels[learn], size))
        scores[rest] = score_texts(fold, processor, [texts[row] for row in rest])
    return scores


def _fit(counts: csr_matrix, labels: Ints, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Fit a logistic regression to counted tokens [texts, tokens]; return what TokenScores.teach takes."""
    texts = np.asarray((counts > 0).sum(0)).ravel()
    rarity = np.where(texts >= LEAST_TEXTS, np.log((1 + counts.shape[0]) / (1 + texts)) + 1, 0.0)
    lengths = np.sqrt(np.maximum(counts @ rarity**2, 1e-6))
    vectors = csr_matrix(counts.multiply(rarity).multiply(1 / lengths[:, None]))
    weights, bias = _regress(vectors, labels, size)
    return (
        torch.from_numpy(SPREAD * rarity[:, None] * weights.T),
        torch.from_numpy(rarity**2),
        torch.from_numpy(SPREAD * bias),
    )


def _regress(vectors: csr_matrix, labels: Ints, size: int) -> tuple[Floats, Floats]:
    """Return the weights [size, tokens] and bias [size] of a logistic regression."""
    seen = np.unique(labels)
    weights, bias = np.zeros((size, vectors.shape[1])), np.zeros(size)
    if len(seen) > 1:
        model = word_regression().fit(vectors, labels)
        two = len(seen) == 2  # scikit-learn gives the second label's side only
        weights[seen] = np.concatenate([-model.coef_, model.coef_]) / 2 if two else model.coef_
        bias[seen] = np.concatenate([-model.intercept_, model.intercept_]) / 2 if two else model.intercept_
    bias[np.setdiff1d(np.arange(size), seen)] = bias[seen].min() - _NEVER
    return weights, bias


def _counts(processor: PostProcessor, texts: Sequence[str], tokens: int) -> csr_matrix:
    """Count the tokens of texts [texts, tokens], the tokenizer's own marks left out."""
    marks = processor.tokenizer.all_special_ids
    parts = []
    for batch in _tokens(processor, texts):
        ids = batch["input_ids"].numpy()
        rows, places = np.nonzero(batch["attention_mask"].numpy() * ~np.isin(ids, marks))
        ones = np.ones(len(rows))
        parts.append(csr_matrix((ones, (rows, ids[rows, places])), shape=(len(ids), tokens)))
    return csr_matrix(vstack(parts))


def _tokens(processor: PostProcessor, texts: Sequence[str | None]) -> Iterator[dict[str, torch.Tensor]]:
    for start in range(0, len(texts), _BATCH):
        yield processor.tokens([text or "" for text in texts[start : start + _BATCH]])


def _add_columns(collator: Collator, columns: Scores) -> None:
    text = np.concatenate([collator.features["text"], columns], axis=1)
    collator.features = {**collator.features, "text": text}
