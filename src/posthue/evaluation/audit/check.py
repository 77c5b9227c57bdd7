"""One look at labelled posts: everything that was found, and new splits where they are wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posthue.data.corpora.labelled import LabelledPosts
from posthue.errors import InputError
from posthue.evaluation.audit.findings import Audit, audit
from posthue.evaluation.audit.label_issues import LabelIssues, find_label_issues
from posthue.evaluation.audit.regroup import grouped_splits, regrouped
from posthue.evaluation.audit.vectors import bundle_vectors, word_vectors

if TYPE_CHECKING:
    from posthue.runtime.bundle.folder import Bundle

#: Called with the name of a step, what is done of it, and all of it.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Fixed:
    """New splits: one of each post, and how many posts are in another than before."""

    splits: Sequence[str]
    moved: int


@dataclass(frozen=True, slots=True)
class AuditFindings:
    """Everything that was found in one corpus or table.

    scheme: of the labels, None without labels. vectors: what the quick model of labels learnt from.
    """

    name: str
    scheme: str | None
    audit: Audit
    issues: LabelIssues
    vectors: str = ""
    fixed: Fixed | None = None


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How to look at data.

    text_threshold, image_distance: what is near, see posthue.data.duplicates.posts. image_distance None: 6
    bits, or 2 where pictures are tiny, since those are mostly faces, which are all alike.
    labels: whether to look for labels that look wrong. bundle: whose encoders make posts vectors for that;
    None: the words of the texts. fix: make new splits. seed: of folds and new splits. threads: of encoding.
    """

    text_threshold: float = 0.7
    image_distance: int | None = None
    labels: bool = True
    bundle: Bundle | None = None
    fix: bool = False
    seed: int = 0
    threads: int | None = None


def check_data(
    posts: LabelledPosts, settings: CheckSettings, progress: Progress | None = None
) -> AuditFindings:
    """Look at everything; raise MissingExtraError where labels are looked at without the audit extra.

    Raises InputError where there are no posts.
    """
    say = progress or (lambda *_: None)
    rows = posts.rows
    if not rows:
        raise InputError(f"{posts.name} has no rows")
    found = audit(
        rows,
        text_threshold=settings.text_threshold,
        image_distance=settings.image_distance,
        progress=lambda done, total: say("pictures", done, total),
    )
    issues, vectors = _issues(posts, found, settings, say)
    fixed = fix_splits(found, seed=settings.seed) if settings.fix else None
    scheme = posts.scheme.name if posts.scheme else None
    return AuditFindings(posts.name, scheme, found, issues, vectors, fixed)


def fix_splits(found: Audit, *, seed: int = 0) -> Fixed:
    """Return splits that tear no group of near-duplicates; raise InputError where ids are not unique."""
    rows = found.posts
    ids = Counter(row.post.id for row in rows)
    twice = next((post_id for post_id, count in ids.items() if count > 1 or post_id is None), "")
    if twice != "":
        raise InputError(
            f"--fix needs an id of its own for each post, and {twice!r} is there {ids[twice]} times: "
            "name the column with --id-column, or the splits with --split"
        )
    labels, groups = [row.labels for row in rows], found.groups["either"]
    splits = [row.split for row in rows]
    if "" in splits and len(set(splits)) > 1:
        without = rows[splits.index("")].post.id
        raise InputError(
            f"--fix: post {without!r} has no split, and others have one: fill the column in, "
            "or name no column, and all posts are split anew"
        )
    if len(set(splits)) < 2:
        return Fixed(grouped_splits(labels, groups, seed=seed), 0)
    chosen = regrouped(splits, labels, groups, seed=seed)
    return Fixed(chosen, sum(old != new for old, new in zip(splits, chosen, strict=True)))


def _issues(
    labelled: LabelledPosts, found: Audit, settings: CheckSettings, say: Progress
) -> tuple[LabelIssues, str]:
    rows = labelled.rows
    if labelled.scheme is None or not settings.labels:
        return LabelIssues([], 0, 0.0, "labels not checked"), ""
    labels = [row.labels[0] if len(row.labels) == 1 else None for row in rows]
    posts = [row.post for row in rows]
    if settings.bundle is not None:
        name = f"vectors of the model {settings.bundle.config.name}"
        vectors = bundle_vectors(
            posts, settings.bundle, threads=settings.threads, progress=lambda d, n: say("vectors", d, n)
        )
    else:
        name, vectors = "words of the texts", word_vectors(posts)
    issues = find_label_issues(
        labels,
        vectors,
        found.groups["either"],
        seed=settings.seed,
        progress=lambda d, n: say("labels, folds", d, n),
    )
    return issues, name
