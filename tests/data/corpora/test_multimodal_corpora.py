from __future__ import annotations

import json
import sys

import pytest

from posthue.data.corpora import load_corpus
from posthue.data.corpora.mvsa import combine, majority
from posthue.errors import CorpusError, LabelError, MissingExtraError


def mvsa(folder, table, *, header="ID\ttext,image", texts=None, splits=None):
    (folder / "data").mkdir(parents=True)
    (folder / "labelResultAll.txt").write_text(header + "\n" + table)
    for post_id, text in (texts or {}).items():
        (folder / "data" / f"{post_id}.txt").write_bytes(text)
    if splits is not None:
        (folder / "splits.json").write_text(json.dumps(splits))
    return folder


def sentiment(examples):
    return {e.post.id: e.labels["sentiment"][0] for e in examples}


class TestRule:
    @pytest.mark.parametrize(
        ("text", "image", "label"),
        [
            ("positive", "positive", "positive"),
            ("neutral", "neutral", "neutral"),
            ("neutral", "negative", "negative"),
            ("positive", "neutral", "positive"),
            ("positive", "negative", None),
            ("negative", "positive", None),
        ],
    )
    def test_combine(self, text, image, label):
        assert combine(text, image) == label

    @pytest.mark.parametrize(
        ("votes", "winner"),
        [
            (("positive",), "positive"),
            (("positive", "neutral", "positive"), "positive"),
            (("positive", "neutral", "negative"), None),
        ],
    )
    def test_majority(self, votes, winner):
        assert majority(votes) == winner


class TestSingle:
    TABLE = "1\tneutral,positive\n2\tpositive,negative\n3\tnegative,negative\n4\tneutral,neutral\n"

    def test_without_splits_all_posts_that_the_rule_keeps(self, tmp_path):
        folder = mvsa(tmp_path / "MVSA_Single", self.TABLE)
        splits = load_corpus("mvsa-single", tmp_path).splits
        assert list(splits) == ["all"]
        assert sentiment(splits["all"]) == {"1": "positive", "3": "negative", "4": "neutral"}
        first = splits["all"][0]
        assert first.text_labels == {"sentiment": ("neutral",)}
        assert first.image_labels == {"sentiment": ("positive",)}
        assert first.post.image == folder / "data" / "1.jpg"

    def test_any_name_in_splits_json_is_a_split(self, tmp_path):
        mvsa(tmp_path, self.TABLE, splits={"train": ["3", "2"], "test": [1]})
        splits = load_corpus("mvsa-single", tmp_path).splits
        assert {name: list(sentiment(e)) for name, e in splits.items()} == {
            "train": ["3"],
            "test": ["1"],
            "rest": ["4"],
        }

    def test_texts_in_both_encodings(self, tmp_path):
        texts = {"1": "café 😀\r\n".encode(), "3": "天气 it’s".encode("gb18030")}
        mvsa(tmp_path, self.TABLE, texts=texts)
        posts = {e.post.id: e.post.text for e in load_corpus("mvsa-single", tmp_path).splits["all"]}
        assert posts == {"1": "café 😀", "3": "天气 it’s", "4": None}

    def test_undecodable_bytes_do_not_stop_the_reader(self, tmp_path):
        mvsa(tmp_path, self.TABLE, texts={"1": b"ok \xff\xff bytes"})
        assert load_corpus("mvsa-single", tmp_path).splits["all"][0].post.text.startswith("ok ")

    @pytest.mark.parametrize(
        ("table", "error", "message"),
        [
            ("1\tneutral,happy\n", LabelError, "line 2: 'happy'"),
            ("1\tneutral\n", CorpusError, "line 2: expected text,image"),
            ("1\tneutral,neutral\tneutral,neutral\n", CorpusError, "line 2: 2 annotators, expected 1"),
        ],
    )
    def test_broken_tables(self, tmp_path, table, error, message):
        mvsa(tmp_path, table)
        with pytest.raises(error, match=message):
            load_corpus("mvsa-single", tmp_path)

    def test_splits_of_another_corpus(self, tmp_path):
        mvsa(tmp_path, self.TABLE, splits={"train": ["1"], "test": ["99", "98"]})
        with pytest.raises(CorpusError, match="none of the 2 ids of 'test'"):
            load_corpus("mvsa-single", tmp_path)

    def test_splits_that_are_no_splits(self, tmp_path):
        mvsa(tmp_path, self.TABLE, splits=["1"])
        with pytest.raises(CorpusError, match="JSON object"):
            load_corpus("mvsa-single", tmp_path)


def test_multiple_takes_the_majority_of_three(tmp_path):
    table = (
        "1\tpositive,positive\tpositive,neutral\tneutral,neutral\n"
        "2\tpositive,positive\tnegative,positive\tneutral,positive\n"
        "3\tpositive,negative\tpositive,negative\tpositive,negative\n"
        "4\tneutral,negative\tneutral,negative\tpositive,positive\n"
    )
    mvsa(tmp_path / "MVSA", table, header="ID\ttext,image\ttext,image\ttext,image")
    examples = load_corpus("mvsa-multiple", tmp_path).splits["all"]
    assert sentiment(examples) == {"1": "positive", "4": "negative"}
    assert examples[1].text_labels["sentiment"] == ("neutral",)


class TestEnriched:
    ROWS = (("1.txt", "good, day", "positive"), ("2.txt", None, "Neutral"), ("3.txt", "bad", "negative"))

    def xlsx(self, folder):
        openpyxl = pytest.importorskip("openpyxl")
        book = openpyxl.Workbook()
        for row in (("File Name", "Caption", "LABEL"), *self.ROWS):
            book.active.append(row)
        folder.mkdir(exist_ok=True)
        book.save(folder / "LabeledText.xlsx")
        book.close()

    def csv(self, folder):
        folder.mkdir(exist_ok=True)
        rows = [f'{name},"{caption or ""}",{label}' for name, caption, label in self.ROWS]
        (folder / "LabeledText.csv").write_text("\n".join(["File Name,Caption,LABEL", *rows]))

    @pytest.mark.parametrize("kind", ["xlsx", "csv"])
    def test_pictures_of_the_sibling(self, tmp_path, kind):
        getattr(self, kind)(tmp_path / "mvsa-enriched")
        sibling = mvsa(tmp_path / "mvsa-single", "1\tneutral,positive\n")
        examples = load_corpus("mvsa-enriched", tmp_path).splits["all"]
        assert sentiment(examples) == {"1": "positive", "2": "neutral", "3": "negative"}
        assert [e.post.text for e in examples] == ["good, day", None, "bad"]
        assert examples[0].post.image == sibling / "data" / "1.jpg"

    def test_splits_of_the_sibling(self, tmp_path):
        self.csv(tmp_path / "mvsa-enriched")
        mvsa(tmp_path / "mvsa-single", "1\tneutral,positive\n", splits={"train": ["3"], "dev": ["1"]})
        splits = load_corpus("mvsa-enriched", tmp_path / "mvsa-enriched").splits
        assert {name: list(sentiment(e)) for name, e in splits.items()} == {
            "train": ["3"],
            "dev": ["1"],
            "rest": ["2"],
        }

    def test_own_pictures(self, tmp_path):
        self.csv(tmp_path)
        (tmp_path / "images").mkdir()
        example = load_corpus("mvsa-enriched", tmp_path).splits["all"][0]
        assert example.post.image == tmp_path / "images" / "1.jpg"

    def test_no_pictures_anywhere(self, tmp_path):
        self.csv(tmp_path / "mvsa-enriched")
        with pytest.raises(CorpusError, match="the pictures are in none of the places"):
            load_corpus("mvsa-enriched", tmp_path)

    def test_a_broken_workbook(self, tmp_path):
        pytest.importorskip("openpyxl")
        (tmp_path / "LabeledText.xlsx").write_bytes(b"PK not a zip")
        (tmp_path / "images").mkdir()
        with pytest.raises(CorpusError, match="not an Excel file"):
            load_corpus("mvsa-enriched", tmp_path)

    def test_openpyxl_missing(self, tmp_path, monkeypatch):
        (tmp_path / "LabeledText.xlsx").write_bytes(b"")
        (tmp_path / "images").mkdir()
        monkeypatch.setitem(sys.modules, "openpyxl", None)
        with pytest.raises(MissingExtraError, match=r"posthue\[train\]"):
            load_corpus("mvsa-enriched", tmp_path)


class TestT4sa:
    TEXTS = 'id,text\n11,"love, it\n<3"\n12,hmm\n13,unused\n'
    SCORES = "TWID\tNEG\tNEU\tPOS\n11\t0.1\t0.2\t0.7\n12\t0.05\t0.9\t0.05\n14\t1\t0\t0\n"

    def test_texts_with_scores(self, tmp_path):
        (tmp_path / "raw_tweets_text.csv").write_text(self.TEXTS)
        (tmp_path / "t4sa_text_sentiment.tsv").write_text(self.SCORES)
        examples = load_corpus("t4sa", tmp_path).splits["all"]
        assert sentiment(examples) == {"11": "positive", "12": "neutral"}
        assert examples[0].post.text == "love, it\n<3"

    def test_texts_are_needed(self, tmp_path):
        (tmp_path / "t4sa_text_sentiment.tsv").write_text(self.SCORES)
        with pytest.raises(CorpusError, match=r"raw_tweets_text\.csv is missing"):
            load_corpus("t4sa", tmp_path)

    def test_a_score_that_is_no_number(self, tmp_path):
        (tmp_path / "raw_tweets_text.csv").write_text(self.TEXTS)
        (tmp_path / "t4sa_text_sentiment.tsv").write_text(self.SCORES.replace("0.9", "high"))
        with pytest.raises(CorpusError, match=r"t4sa_text_sentiment\.tsv, line 3"):
            load_corpus("t4sa", tmp_path)

    def test_balanced_with_texts_one_folder_up(self, tmp_path):
        (tmp_path / "raw_tweets_text.csv").write_text(self.TEXTS)
        folder = tmp_path / "b-t4sa_imgs"
        folder.mkdir()
        (folder / "b-t4sa_train.txt").write_text("data/1/11-1.jpg 2\ndata/1/11-2.jpg 2\ndata/9/99-1.jpg 0\n")
        (folder / "b-t4sa_val.txt").write_text("data/1/12-1.jpg 1\n")
        splits = load_corpus("b-t4sa", tmp_path).splits
        train = splits["train"]
        assert sentiment(train) == {"11-1": "positive", "11-2": "positive", "99-1": "negative"}
        assert [e.post.text for e in train] == ["love, it\n<3", "love, it\n<3", None]
        assert train[0].post.image == folder / "data" / "1" / "11-1.jpg"
        assert sentiment(splits["val"]) == {"12-1": "neutral"}

    def test_balanced_without_texts(self, tmp_path):
        (tmp_path / "b-t4sa_test.txt").write_text("data/1/11-1.jpg 0\n")
        assert load_corpus("b-t4sa", tmp_path).splits["test"][0].post.text is None

    @pytest.mark.parametrize(("row", "error"), [("data/1/1-1.jpg 3", LabelError), ("data.jpg", CorpusError)])
    def test_broken_lists(self, tmp_path, row, error):
        (tmp_path / "b-t4sa_train.txt").write_text(f"data/1/1-1.jpg 0\n{row}\n")
        with pytest.raises(error, match=r"b-t4sa_train\.txt, line 2"):
            load_corpus("b-t4sa", tmp_path)
