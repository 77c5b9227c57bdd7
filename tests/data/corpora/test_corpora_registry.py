from __future__ import annotations

import subprocess
import sys

import pytest

from posthue.data.corpora import list_corpora, load_corpus
from posthue.data.corpora.base import Example, LazyExamples
from posthue.errors import CorpusError, LabelError
from posthue.labels import SCHEMES
from posthue.posts import Post

NAMES = {
    *("mvsa-single", "mvsa-multiple", "mvsa-enriched", "tweeteval-sentiment", "tweeteval-emotion"),
    *("goemotions", "dair-emotion", "fer2013", "faces", "reddit-emotion", "t4sa", "b-t4sa"),
    *("twitter-5agree", "twitter-4agree", "twitter-3agree", "twitter-2", "fi", "emotion-roi"),
    "crowd",
}


def test_every_promised_corpus_is_registered():
    assert {info.name for info in list_corpora()} == NAMES


@pytest.mark.parametrize("info", list_corpora(), ids=lambda info: info.name)
def test_every_corpus_says_what_a_user_needs(info):
    assert all((info.title, info.folder, info.layout, info.source, info.licence, info.citation))
    assert set(info.schemes) <= set(SCHEMES)
    assert info.modalities


def test_an_unknown_name_lists_the_known():
    with pytest.raises(CorpusError, match=r"'mvsa'.*goemotions.*mvsa-single"):
        load_corpus("mvsa", ".")


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_wrong_folder_says_expected_found_and_source(name, tmp_path):
    (tmp_path / "holiday.txt").write_text("sun")
    info = next(info for info in list_corpora() if info.name == name)
    with pytest.raises(CorpusError) as error:
        load_corpus(name, tmp_path)
    assert info.layout in str(error.value)
    assert info.source in str(error.value)
    assert "holiday.txt" in str(error.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CorpusError, match="no such folder"):
        load_corpus("fi", tmp_path / "nowhere")


def test_the_folder_is_found_below_a_folder_of_corpora(tmp_path):
    folder = tmp_path / "dair-emotion"
    folder.mkdir()
    (folder / "val.txt").write_text("a;joy\n")
    for data_dir in (tmp_path, folder, str(folder)):
        assert len(load_corpus("dair-emotion", data_dir).splits["val"]) == 1


def test_files_without_a_post_are_an_error(tmp_path):
    (tmp_path / "train.txt").write_text("\n\n")
    with pytest.raises(CorpusError, match="no labelled post"):
        load_corpus("dair-emotion", tmp_path)


def test_a_wrong_label_names_file_and_line(tmp_path):
    (tmp_path / "train.txt").write_text("fine;joy\nbad;boredom\n")
    with pytest.raises(LabelError, match=r"train\.txt, line 2: 'boredom'"):
        load_corpus("dair-emotion", tmp_path)


def test_lazy_examples_behave_like_a_list():
    made = []

    def make(row: int) -> Example:
        made.append(row)
        return Example(Post(id=str(row)), {})

    examples = LazyExamples(5, make)
    assert not made
    assert examples[-1].post.id == "4"
    assert [e.post.id for e in examples[1:4:2]] == ["1", "3"]
    assert made == [4, 1, 3]
    assert len(list(examples)) == len(examples) == 5
    with pytest.raises(IndexError):
        examples[5]


def test_the_registry_loads_nothing_heavy():
    code = (
        "import sys, posthue.data.corpora; "
        "heavy = {'torch', 'pyarrow', 'openpyxl', 'pandas', 'sklearn'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
