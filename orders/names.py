"""One form of a product's name for comparison, in either language."""

from __future__ import annotations

import re
import unicodedata

_ARABIC_FORMS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": None}
)
_SPACES = re.compile(r"\s+")


def name_key(name: str) -> str:
    """Return the form under which two writings of a name are the same one.

    Unicode NFKC, case folded, Arabic letter forms unified, tatweel and diacritics gone, spaces single. Compared whole,
    never as a substring.
    """
    folded = unicodedata.normalize("NFKC", name).casefold().translate(_ARABIC_FORMS)
    bare = "".join(char for char in unicodedata.normalize("NFD", folded) if not _is_arabic_mark(char))
    return _SPACES.sub(" ", unicodedata.normalize("NFC", bare).translate(_ARABIC_FORMS)).strip()[:255]


def _is_arabic_mark(char: str) -> bool:
    return (
        "\u0610" <= char <= "\u061a" or "\u064b" <= char <= "\u0652" or char == "\u0670" or "\u06d6" <= char <= "\u06ed"
    )
