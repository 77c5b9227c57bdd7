"""Two processes train as one does with twice the batch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from safetensors.torch import load_file
from transformers import BertModel

from posthue.training.datasets.sampler import BucketBatchSampler
from tiny_models import bert_config, bert_tokenizer, write_corpora

pytestmark = pytest.mark.torch
SCRIPT = Path(__file__).with_name("distributed_fit.py")


def test_processes_share_every_batch_and_no_row_is_lost() -> None:
    kinds, lengths = np.array([0] * 13 + [1] * 6), np.arange(19) % 7
    shares = [
        list(BucketBatchSampler(kinds, lengths, batch_size=2, seed=5, rank=rank, processes=2))
        for rank in (0, 1)
    ]
    one = list(BucketBatchSampler(kinds, lengths, batch_size=4, seed=5))
    assert len(shares[0]) == len(shares[1]) == len(one)
    for whole, first, second in zip(one, *shares, strict=True):
        assert len(first) == len(second)
        assert set(whole) == {*first, *second}
    assert {row for batch in one for row in batch} == set(range(19))


@pytest.mark.slow
def test_two_processes_end_where_one_ends(tmp_path: Path) -> None:
    write_corpora(tmp_path / "data")
    sizes = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    BertModel(bert_config(**sizes)).save_pretrained(tmp_path / "text")
    bert_tokenizer().save_pretrained(tmp_path / "text")
    train(tmp_path, "one", batch_size=8, processes=1)
    train(tmp_path, "two", batch_size=4, processes=2)
    one, two = (load_file(tmp_path / run / "words" / "model" / "model.safetensors") for run in ("one", "two"))
    metrics = [json.loads((tmp_path / run / "words" / "metrics.json").read_text()) for run in ("one", "two")]
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_allclose(two[name].numpy(), values.numpy(), atol=1e-3, err_msg=name)
    assert metrics[0] == pytest.approx(metrics[1], abs=0.05)


def train(folder: Path, run: str, *, batch_size: int, processes: int) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    launcher = torchrun if processes > 1 else []
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "ACCELERATE_USE_CPU": "true"}
    subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(folder), run, str(batch_size)],
        check=True,
        capture_output=True,
        env=environment,
        timeout=900,
    )
