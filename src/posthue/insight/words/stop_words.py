"""Words that are frequent in every English text and so say nothing of one; other languages have theirs."""

from __future__ import annotations

_WORDS = """
a about above after again all also am amp an and any are as at b be because been before being below between
both but by c can could d did do does doing down during e each even ever every f few for from further g get
go going gonna got gotta h had has have having he he'd he'll he's her here here's hers herself him himself
his how how's i i'd i'll i'm i've id if ill im in into is it it'd it'll it's its itself ive j just k l let's
lets m many me more most much my myself n nor now o of off on once one only or other our ours ourselves out
over own p q r really rt s same she she'd she'll she's should so some still such t than that that'll that's
thats the their theirs them themselves then there there's theres these they they'd they'll they're they've
this those through to too two u under until up ur us v very via w wanna was we we'd we'll we're we've were
what what's whats when where where's which while who who's whom why will with would x y you you'd you'll
you're you've your youre yours yourself yourselves youve z
"""
#: Function words and their contractions, in lower case, and what tweets add. Negations are not among them.
STOP_WORDS = frozenset(_WORDS.split())
