"""What an emoji is. Apart from the text of a post, since predicting does not need it."""

from __future__ import annotations

import re

#: Blocks that hold emoji and pictographs of one sign: first and last (Unicode 15, UTS #51).
EMOJI_BLOCKS = (
    (0x203C, 0x203C),
    (0x2049, 0x2049),
    (0x231A, 0x231B),
    (0x23E9, 0x23F3),
    (0x2600, 0x27BF),
    (0x2B50, 0x2B50),
    (0x2B55, 0x2B55),
    (0x1F300, 0x1F64F),
    (0x1F680, 0x1F6FF),
    (0x1F7E0, 0x1F7EB),
    (0x1F900, 0x1F9FF),
    (0x1FA70, 0x1FAFF),
)
_SKIN = "\U0001f3fb-\U0001f3ff"
#: What follows a pictograph and changes its look: variation selectors and skin colours.
EMOJI_STYLE = re.compile(f"[\ufe0e\ufe0f{_SKIN}]")
_PICTOGRAPH = f"(?![{_SKIN}])[{''.join(f'{chr(a)}-{chr(b)}' for a, b in EMOJI_BLOCKS)}]{EMOJI_STYLE.pattern}*"
#: One emoji as a reader sees it: a flag, a keycap, or pictographs joined into one.
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})*")
