from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from posthue.data.corpora import load_corpus
from posthue.errors import CorpusError, LabelError


def png(value=0):
    buffer = io.BytesIO()
    Image.fromarray(np.full((48, 48), value, np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def labels(examples, scheme):
    return [e.labels[scheme][0] for e in examples]


class TestFer2013:
    def parquet(self, path, labels):
        image = pa.array([{"bytes": png(i), "path": f"{i}.png"} for i in range(len(labels))])
        pq.write_table(pa.table({"image": image, "label": labels}), path)

    def test_parquet(self, tmp_path):
        self.parquet(tmp_path / "train.parquet", ["angry", "happy"])
        self.parquet(tmp_path / "public_test.parquet", ["sad"])
        splits = load_corpus("fer2013", tmp_path).splits
        assert labels(splits["train"], "emotion") == ["anger", "joy"]
        assert splits["train"][1].post.image == png(1)
        assert labels(splits["public_test"], "emotion") == ["sadness"]

    def test_parquet_in_parts_with_numbers(self, tmp_path):
        self.parquet(tmp_path / "train-00000-of-00002.parquet", [0])
        self.parquet(tmp_path / "train-00001-of-00002.parquet", [6, 3])
        train = load_corpus("fer2013", tmp_path).splits["train"]
        assert labels(train, "emotion") == ["anger", "neutral", "joy"]
        assert [e.post.id for e in train] == ["train-1", "train-2", "train-3"]

    @pytest.mark.parametrize(
        ("name", "header", "order"),
        [
            ("fer2013.csv", "emotion,pixels,Usage", (0, 1, 2)),
            ("icml_face_data.csv", "emotion, Usage, pixels", (0, 2, 1)),
        ],
    )
    def test_kaggle_csv(self, tmp_path, name, header, order):
        rows = [
            ("3", "7 " * 2304, "Training"),
            ("1", "0 " * 2304, "PrivateTest"),
            ("6", "1 " * 2304, "PublicTest"),
        ]
        lines = [",".join(row[i] for i in order) for row in rows]
        (tmp_path / name).write_text("\n".join([header, *lines]))
        splits = load_corpus("fer2013", tmp_path).splits
        assert {split: labels(e, "emotion") for split, e in splits.items()} == {
            "train": ["joy"],
            "private_test": ["disgust"],
            "public_test": ["neutral"],
        }
        face = Image.open(io.BytesIO(splits["train"][0].post.image))
        assert (face.size, face.mode, face.getpixel((5, 5))) == ((48, 48), "L", 7)

    @pytest.mark.parametrize("pixels", ["1 2 3", "x " * 2304, "256 " * 2304])
    def test_broken_pixels_name_the_line(self, tmp_path, pixels):
        (tmp_path / "fer2013.csv").write_text(f"emotion,pixels,Usage\n0,{pixels},Training\n")
        with pytest.raises(CorpusError, match=r"fer2013\.csv, line 2"):
            load_corpus("fer2013", tmp_path)

    def test_wrong_columns_and_labels(self, tmp_path):
        self.parquet(tmp_path / "train.parquet", ["bored"])
        with pytest.raises(LabelError, match=r"train\.parquet, line 1: 'bored'"):
            load_corpus("fer2013", tmp_path)
        pq.write_table(pa.table({"pixels": [1]}), tmp_path / "train.parquet")
        with pytest.raises(CorpusError, match="needs the columns image and label; it has pixels"):
            load_corpus("fer2013", tmp_path)


class TestFaces:
    def test_splits_and_names(self, tmp_path):
        touch(tmp_path, "train/Angry/10.jpg", "train/Angry/9.png", "train/happy/a.jpeg", "Val/Contempt/1.jpg")
        touch(tmp_path, "Val/surprise/1.JPG", "train/happy/notes.txt")
        splits = load_corpus("faces", tmp_path).splits
        assert labels(splits["train"], "emotion") == ["anger", "anger", "joy"]
        assert [e.post.image.name for e in splits["train"]] == ["9.png", "10.jpg", "a.jpeg"]
        assert labels(splits["val"], "emotion") == ["surprise"]

    def test_affectnet_numbers_without_splits(self, tmp_path):
        touch(tmp_path, *(f"{number}/x.jpg" for number in range(8)))
        assert labels(load_corpus("faces", tmp_path).splits["all"], "emotion") == [
            *("neutral", "joy", "sadness", "surprise", "fear", "disgust", "anger")
        ]

    def test_rafdb_numbers_are_refused(self, tmp_path):
        touch(tmp_path, *(f"train/{number}/x.jpg" for number in range(1, 8)))
        with pytest.raises(CorpusError, match="RAF-DB"):
            load_corpus("faces", tmp_path)

    def test_an_unknown_folder_is_named(self, tmp_path):
        touch(tmp_path, "train/anger/x.jpg", "train/bored/x.jpg")
        with pytest.raises(LabelError, match="'bored'"):
            load_corpus("faces", tmp_path)


class TestTwitter:
    @pytest.mark.parametrize("number", [3, 4, 5])
    def test_dataset_one_as_csv(self, tmp_path, number):
        folder = touch(tmp_path / "Twitter Testing Dataset I", "images/1_2_a.jpg")
        (folder / f"{number}agree.csv").write_text("path,class\n1_2_a.jpg,1\nb.jpg,0\n")
        examples = load_corpus(f"twitter-{number}agree", tmp_path).splits["all"]
        assert labels(examples, "sentiment") == ["positive", "negative"]
        assert examples[0].post.image == folder / "images" / "1_2_a.jpg"

    @pytest.mark.parametrize(
        ("listing", "images"),
        [
            ("ground_truth/twitter_five_agrees.txt", "images"),
            ("five_agree.txt", "Agg_AMT_Candidates"),
        ],
    )
    def test_dataset_one_as_published(self, tmp_path, listing, images):
        touch(tmp_path, f"{images}/a b.jpg", listing)
        (tmp_path / listing).write_text("a b.jpg 1\nc.jpg 0\n")
        examples = load_corpus("twitter-5agree", tmp_path).splits["all"]
        assert labels(examples, "sentiment") == ["positive", "negative"]
        assert examples[0].post.image == tmp_path / images / "a b.jpg"

    def test_dataset_two(self, tmp_path):
        folder = touch(tmp_path / "Twitter Testing Dataset II", "images/a.png")
        (folder / "twitter_testing_2.csv").write_text("path,class\na.png,1\n")
        assert labels(load_corpus("twitter-2", tmp_path).splits["all"], "sentiment") == ["positive"]

    def test_wrong_rows(self, tmp_path):
        (tmp_path / "5agree.csv").write_text("path,class\na.jpg,3\n")
        with pytest.raises(LabelError, match=r"5agree\.csv, line 2: '3'"):
            load_corpus("twitter-5agree", tmp_path)
        (tmp_path / "5agree.csv").write_text("path,class\na.jpg\n")
        with pytest.raises(CorpusError, match=r"5agree\.csv, line 2: expected path and class"):
            load_corpus("twitter-5agree", tmp_path)


class TestFi:
    def test_lists_and_five_splits(self, tmp_path):
        folder = touch(tmp_path / "FI", "images/awe/awe_0001.jpg", "images/anger/anger_0001.jpg")
        listing = "path,class\nawe/awe_0001.jpg,2\nanger/anger_0001.jpg,0\n"
        (folder / "FI_complete.csv").write_text(listing)
        for number in range(1, 6):
            touch(folder, f"split_{number}/x")
            for part in ("train", "val", "test"):
                (folder / f"split_{number}" / f"FI_{part}.csv").write_text(listing)
        splits = load_corpus("fi", tmp_path).splits
        assert len(splits) == 16
        assert labels(splits["split_5/test"], "mikels") == ["awe", "anger"]
        assert labels(splits["all"], "sentiment") == ["positive", "negative"]
        assert splits["all"][0].post.image == folder / "images" / "awe" / "awe_0001.jpg"

    def test_a_tree(self, tmp_path):
        touch(tmp_path, "amusement/1.jpg", "fear/1.jpg", "other/1.jpg")
        examples = load_corpus("fi", tmp_path).splits["all"]
        assert labels(examples, "mikels") == ["amusement", "fear"]
        assert labels(examples, "sentiment") == ["positive", "negative"]

    def test_classes_by_name(self, tmp_path):
        (tmp_path / "FI_complete.csv").write_text("path,class\n1.jpg,Awe\n")
        example = load_corpus("fi", tmp_path).splits["all"][0]
        assert example.labels == {"mikels": ("awe",), "sentiment": ("positive",)}

    def test_no_emotion_in_the_path(self, tmp_path):
        (tmp_path / "FI_complete.csv").write_text("path,class\njoy/1.jpg,2\n")
        with pytest.raises(LabelError, match=r"FI_complete\.csv, line 2: 'joy/1\.jpg' is in no folder of"):
            load_corpus("fi", tmp_path)


class TestEmotionRoi:
    EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")

    @pytest.mark.parametrize("root", ["", "images/"])
    def test_a_tree_is_split_at_232(self, tmp_path, root):
        touch(tmp_path, *(f"{root}{e}/{n}.jpg" for e in self.EMOTIONS for n in (1, 231, 232, 330)))
        splits = load_corpus("emotion-roi", tmp_path).splits
        assert {split: len(e) for split, e in splits.items()} == {"train": 12, "test": 12}
        assert Counter(labels(splits["test"], "sentiment")) == {"negative": 8, "positive": 4}
        assert {e.post.image.stem for e in splits["test"]} == {"232", "330"}

    def test_lists(self, tmp_path):
        folder = touch(tmp_path / "EmotionROI", "images/joy/232.jpg")
        (folder / "emotion_ROI_test.csv").write_text("path,class\njoy/232.jpg,1\nfear/240.jpg,0\n")
        (folder / "emotion_ROI_train.csv").write_text("path,class\nanger/1.jpg,0\n")
        splits = load_corpus("emotion-roi", tmp_path).splits
        assert labels(splits["test"], "emotion") == ["joy", "fear"]
        assert labels(splits["test"], "sentiment") == ["positive", "negative"]
        assert labels(splits["train"], "emotion") == ["anger"]

    def test_the_complete_list_is_split(self, tmp_path):
        listing = "path,class\njoy/232.jpg,1\nfear/12.jpg,0\n"
        (tmp_path / "emotion_ROI_complete.csv").write_text(listing)
        splits = load_corpus("emotion-roi", tmp_path).splits
        assert (labels(splits["train"], "emotion"), labels(splits["test"], "emotion")) == (["fear"], ["joy"])
