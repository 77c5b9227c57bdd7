from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from transformers import AutoModel, AutoTokenizer, BertModel

from posthue.data.emoji import EMOJI
from posthue.errors import InputError
from posthue.model.encoders.emoji import add_emoji, emoji
from posthue.model.encoders.encoders import TextEncoder
from posthue.model.encoders.hub import load_text_encoder
from posthue.model.encoders.word_vectors import from_glove, read_glove
from tiny_models import bert_config, bert_tokenizer

pytestmark = pytest.mark.torch

GLOVE = """<user> 0.5 0.5 0.5
<url> 0.1 0.2 0.3
<hashtag> 1 1 1
happy 1 0 0
day 0 1 0
face 0 0 1
tears 2 0 0
joy 0 2 0
! 3 3 3
happy 9 9 9
"""


@pytest.fixture
def glove(tmp_path: Path) -> Path:
    path = tmp_path / "glove.txt"
    path.write_text(GLOVE, encoding="utf-8")
    return path


def test_each_word_keeps_its_vector(glove: Path) -> None:
    model, tokenizer = from_glove(glove)
    ids = tokenizer("Happy day!")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["happy", "day", "!"]
    vectors = model(torch.tensor([ids])).last_hidden_state[0]
    assert vectors.tolist() == [[1, 0, 0], [0, 1, 0], [3, 3, 3]]


def test_an_unknown_word_is_the_mean_and_padding_is_zero(glove: Path) -> None:
    model, tokenizer = from_glove(glove)
    unknown = model.table.weight[tokenizer.unk_token_id].detach().numpy()
    words, vectors = read_glove(glove)
    np.testing.assert_allclose(unknown, vectors[: len(words) - 1].mean(0), rtol=1e-6)
    assert model.table.weight[tokenizer.pad_token_id].abs().sum() == 0


def test_mentions_links_and_hashtags_are_read_as_glove_writes_them(glove: Path) -> None:
    _, tokenizer = from_glove(glove)
    tokens = tokenizer.convert_ids_to_tokens(tokenizer("@user #happy http")["input_ids"])
    assert tokens == ["<user>", "<hashtag>", "happy", "<url>"]


def test_the_encoder_averages_the_words(glove: Path) -> None:
    model, tokenizer = from_glove(glove)
    encoder = TextEncoder(model.config)
    encoder.backbone.load_state_dict(model.state_dict())
    batch = tokenizer(["happy day", "joy"], padding=True, return_tensors="pt")
    pooled = encoder(batch["input_ids"], batch["attention_mask"]).pooled
    torch.testing.assert_close(pooled, torch.tensor([[0.5, 0.5, 0.0], [0.0, 2.0, 0.0]]))


def test_saved_and_loaded_by_the_auto_classes(glove: Path, tmp_path: Path) -> None:
    model, tokenizer = from_glove(glove)
    model.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    again = AutoModel.from_pretrained(tmp_path / "saved")
    assert type(again) is type(model)
    torch.testing.assert_close(again.table.weight, model.table.weight)
    reread = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert reread("Happy #day @user")["input_ids"] == tokenizer("Happy #day @user")["input_ids"]


def test_glove_is_looked_for_under_the_data_folder(glove: Path) -> None:
    model, _ = load_text_encoder(f"glove:{glove.name}", data=glove.parent)
    assert model.config.hidden_size == 3
    with pytest.raises(InputError, match=r"no GloVe file none\.txt; looked for"):
        load_text_encoder("glove:none.txt", data=glove.parent)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no vectors"), ("a 1 2\nb 1\n", "different lengths"), ("a 1 2\nb x y\n", "line 2")],
)
def test_a_broken_glove_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        from_glove(path)


def test_the_table_of_emoji_holds_faces_hearts_and_signs() -> None:
    names = dict(emoji())
    assert names["\N{FACE WITH TEARS OF JOY}"] == "face with tears of joy"
    assert names["\N{HEAVY BLACK HEART}"] == "heavy black heart"
    assert len(names) > 1000


def test_the_table_of_emoji_is_what_counts_as_an_emoji_in_a_text() -> None:
    skins = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
    assert [char for char, _ in emoji() if not EMOJI.fullmatch(char)] == list(skins)
    assert EMOJI.findall("a \u231a and a #\ufe0f\u20e3") == ["\u231a", "#\ufe0f\u20e3"]


def test_an_emoji_starts_as_the_mean_of_its_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, tokenizer = BertModel(bert_config()), bert_tokenizer()
    before = model.get_input_embeddings().weight.detach().clone()
    added = add_emoji(model, tokenizer)
    assert added > 1000
    assert len(tokenizer) == len(before) + added
    (mark,) = tokenizer("\N{FACE WITH TEARS OF JOY}", add_special_tokens=False)["input_ids"]
    words = tokenizer("face tears joy", add_special_tokens=False)["input_ids"]  # not "with", not "of"
    found = model.get_input_embeddings().weight[mark]
    expected = before[words].mean(0)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(model.get_input_embeddings().weight[: len(before)], before)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, reread = load_text_encoder(str(tmp_path))
    assert (
        reread("so happy\N{FACE WITH TEARS OF JOY}!")["input_ids"]
        == (tokenizer("so happy\N{FACE WITH TEARS OF JOY}!")["input_ids"])
    )
    torch.testing.assert_close(again.get_input_embeddings().weight[mark], expected)
    assert add_emoji(again, reread) == 0


def test_emoji_fit_word_vectors_too(glove: Path) -> None:
    model, tokenizer = from_glove(glove)
    add_emoji(model, tokenizer)
    (mark,) = tokenizer("\N{FACE WITH TEARS OF JOY}")["input_ids"]
    assert mark > tokenizer.unk_token_id
    assert model.config.vocab_size == len(tokenizer) == len(model.table.weight)
    assert len(tokenizer("happy \N{FACE WITH TEARS OF JOY} day")["input_ids"]) == 3
