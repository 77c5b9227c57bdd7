from __future__ import annotations

import pytest

from posthue.data.corpora import load_corpus
from posthue.data.corpora.goemotions import GOEMOTIONS_ORDER
from posthue.data.corpora.reddit import without_subreddits
from posthue.errors import CorpusError, LabelError
from posthue.labels import GOEMOTIONS_TO_EMOTION


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def rows(examples, scheme):
    return [(e.post.text, e.labels[scheme]) for e in examples]


class TestTweetEval:
    def test_sentiment(self, tmp_path):
        write(
            tmp_path / "tweeteval" / "sentiment",
            train_text__txt="It\\u2019s &amp; on\nBad \nmeh",
            train_labels__txt="2\n0\n1",
            val_text__txt="ok\n",
            val_labels__txt="1\n",
            mapping__txt="0\tnegative\n1\tneutral\n2\tpositive",
        )
        corpus = load_corpus("tweeteval-sentiment", tmp_path)
        assert rows(corpus.splits["train"], "sentiment") == [
            ("It\\u2019s &amp; on", ("positive",)),
            ("Bad ", ("negative",)),
            ("meh", ("neutral",)),
        ]
        assert list(corpus.splits) == ["train", "val"]
        assert corpus.splits["train"][0].post.id == "train-1"

    def test_lines_end_at_newlines_only(self, tmp_path):
        write(
            tmp_path,
            train_text__txt="one\u2028still one\x0c and\x85 one\r\ntwo\n",
            train_labels__txt="1\r\n2\r\n",
        )
        texts = [e.post.text for e in load_corpus("tweeteval-sentiment", tmp_path).splits["train"]]
        assert texts == ["one\u2028still one\x0c and\x85 one", "two"]

    def test_emotion_optimism_is_joy(self, tmp_path):
        write(
            tmp_path / "emotion",
            train_text__txt="a\nb\nc\nd\n",
            train_labels__txt="0\n1\n2\n3\n",
            mapping__txt="0\tanger\n1\tjoy\n2\toptimism\n3\tsadness",
        )
        labels = [e.labels["emotion"] for e in load_corpus("tweeteval-emotion", tmp_path).splits["train"]]
        assert labels == [("anger",), ("joy",), ("joy",), ("sadness",)]

    def test_the_folder_of_the_other_task_is_refused(self, tmp_path):
        write(tmp_path, train_text__txt="a\n", train_labels__txt="0\n", mapping__txt="0\tanger\n")
        with pytest.raises(LabelError, match=r"mapping\.txt, line 1: 'anger'"):
            load_corpus("tweeteval-sentiment", tmp_path)

    def test_texts_and_labels_must_match(self, tmp_path):
        write(tmp_path, train_text__txt="a\nb\n", train_labels__txt="0\n")
        with pytest.raises(CorpusError, match=r"2 lines.*has 1"):
            load_corpus("tweeteval-sentiment", tmp_path)

    def test_a_label_out_of_range(self, tmp_path):
        write(tmp_path, val_text__txt="a\nb\n", val_labels__txt="0\n7\n")
        with pytest.raises(LabelError, match=r"val_labels\.txt, line 2: '7'"):
            load_corpus("tweeteval-sentiment", tmp_path)

    def test_labels_file_missing(self, tmp_path):
        write(tmp_path, val_text__txt="a\n")
        with pytest.raises(CorpusError, match=r"val_labels\.txt is missing"):
            load_corpus("tweeteval-sentiment", tmp_path)


class TestGoEmotions:
    def test_emotion_labels_without_final_newline(self, tmp_path):
        write(
            tmp_path,
            train__tsv='He said "yes\t3,6\tid1\nsad\t5\tid2\n',
            labels__txt="anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise",
        )
        train = load_corpus("goemotions", tmp_path).splits["train"]
        assert rows(train, "emotion") == [('He said "yes', ("joy", "surprise")), ("sad", ("sadness",))]
        assert train[0].post.id == "id1"

    @pytest.mark.parametrize("listed", [True, False])
    def test_the_original_28(self, tmp_path, listed):
        codes = {name: str(code) for code, name in enumerate(GOEMOTIONS_ORDER)}
        both = f"{codes['gratitude']},{codes['love']},{codes['annoyance']}"
        write(tmp_path, dev__tsv=f"thanks\t{both}\tx\nhm\t{codes['neutral']}\ty\n")
        if listed:
            write(tmp_path, emotions__txt="\n".join(GOEMOTIONS_ORDER))
        dev = load_corpus("goemotions", tmp_path).splits["dev"]
        assert [e.labels["emotion"] for e in dev] == [("anger", "joy"), ("neutral",)]

    def test_the_order_holds_every_mapped_emotion_once(self):
        assert sorted(GOEMOTIONS_ORDER) == sorted(GOEMOTIONS_TO_EMOTION)

    def test_a_broken_row_and_an_unknown_id(self, tmp_path):
        write(tmp_path, train__tsv="text only\n")
        with pytest.raises(CorpusError, match=r"train\.tsv, line 1: expected text TAB"):
            load_corpus("goemotions", tmp_path)
        write(tmp_path, train__tsv="text\t0,28\tid\n")
        with pytest.raises(LabelError, match=r"train\.tsv, line 1: '28'"):
            load_corpus("goemotions", tmp_path)


class TestDair:
    def test_love_is_joy_and_semicolons_stay_in_the_text(self, tmp_path):
        write(tmp_path, train__txt="i feel; well;love\n", val__txt="\nodd;fear\n")
        splits = load_corpus("dair-emotion", tmp_path).splits
        assert rows(splits["train"], "emotion") == [("i feel; well", ("joy",))]
        assert rows(splits["val"], "emotion") == [("odd", ("fear",))]

    def test_a_line_without_label(self, tmp_path):
        write(tmp_path, train__txt="nothing here\n")
        with pytest.raises(CorpusError, match=r"train\.txt, line 1: expected text;label"):
            load_corpus("dair-emotion", tmp_path)


class TestReddit:
    HEADER = "id,title,subreddit,emotion,image_url\n"

    def test_titles_lose_their_subreddits(self, tmp_path):
        posts = (
            'a1,"Happy dog, r/happy\n(x-post from /r/aww)",happy,joy,http://x\n'
            "b2,Creepy!,creepy,fear,http://y\nc3,A clown,creepy,fear,http://z\n"
        )
        write(tmp_path, posts__csv=self.HEADER + posts)
        examples = load_corpus("reddit-emotion", tmp_path).splits["all"]
        assert rows(examples, "emotion") == [("dog, (x-post from )", ("joy",)), ("A clown", ("fear",))]

    def test_pictures_are_used_where_they_are(self, tmp_path):
        write(tmp_path, posts__csv=self.HEADER + "a1,x,gore,disgust,u\nb2,y,rage,anger,u\n")
        write(tmp_path / "images", a1__jpg=b"jpg")
        images = [e.post.image for e in load_corpus("reddit-emotion", tmp_path).splits["all"]]
        assert images == [tmp_path / "images" / "a1.jpg", None]

    @pytest.mark.parametrize(
        ("title", "stripped"),
        [
            ("RAGE against", "against"),
            ("outrage and happiness", "outrage and happiness"),
            ("Faces of /r/gore", "Faces of"),
            ("[Happy] (r/happy)", ""),
            ("either/or", "either/or"),
        ],
    )
    def test_what_is_stripped(self, title, stripped):
        assert without_subreddits(title) == stripped

    def test_a_missing_column_lists_those_there_are(self, tmp_path):
        write(tmp_path, posts__csv="id,heading\n1,x\n")
        with pytest.raises(CorpusError, match=r"no column 'title'; its columns are id, heading"):
            load_corpus("reddit-emotion", tmp_path)

    def test_a_csv_that_cannot_be_read_names_the_line(self, tmp_path):
        write(tmp_path, posts__csv=self.HEADER + f'1,"{"x" * 200_000}",a,joy,u\n')
        with pytest.raises(CorpusError, match=r"posts\.csv, line 2: field larger than"):
            load_corpus("reddit-emotion", tmp_path)

    def test_a_short_row_names_the_line(self, tmp_path):
        write(tmp_path, posts__csv=self.HEADER + "1,x\n")
        with pytest.raises(CorpusError, match=r"posts\.csv, line 2: 2 fields, expected 5"):
            load_corpus("reddit-emotion", tmp_path)
