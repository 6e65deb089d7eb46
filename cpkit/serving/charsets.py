"""The charsets that a client may name.

Python looks up any name by importing a module of that name, remembers each that there is not,
and has codecs that are no charsets (``hex``) or take time that grows with the square of the text
(``idna``, ``punycode``). So a name is looked up here, in a list.
"""

from __future__ import annotations

from encodings.aliases import aliases

_NO_CHARSETS = {
    "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "palmos", "punycode",
    "quopri_codec", "raw_unicode_escape", "rot_13", "tactis", "undefined", "unicode_escape",
    "utf_7", "uu_codec", "zlib_codec",
}  # fmt: skip

# NOTE: some codecs have no alias at all, so the commonest of these are listed.
CHARSETS = frozenset(
    name
    for alias, codec in {**aliases, "utf_8_sig": "utf_8_sig", "koi8_u": "koi8_u"}.items()
    if codec not in _NO_CHARSETS
    for name in (alias, codec)
)
"""The names of the charsets of Python, in lower case and with underscores."""


def known(name: str) -> bool:
    """Tell whether *name* is that of a charset."""
    return name.strip().lower().replace("-", "_").replace(" ", "_") in CHARSETS
