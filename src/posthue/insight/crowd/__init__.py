"""``posthue crowd``: what a crowd of predicted posts expresses, over time and by group, as one page."""

from __future__ import annotations

from posthue.insight.crowd.reading import Crowd, read_crowd
from posthue.insight.crowd.report import crowd_page, write_crowd

__all__ = ["Crowd", "crowd_page", "read_crowd", "write_crowd"]
