r"""Text in quotes, as Go's `%q` and `%#q` print it: what the original tools' messages carry.

quote('a"b')       "a\"b"
back_quote('a b')  `a b`      or as `quote` if the text cannot stand in backquotes
"""

_SHORT = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quote(text: str) -> str:
    """`text` in double quotes, with escapes where it could be mistaken or not be seen."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    shown = text.translate(_ASCII)
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else _escape(char) for char in shown)
    return f'"{shown}"'


def back_quote(text: str) -> str:
    """`text` in backquotes, unescaped."""
    if "`" in text or not text.replace("\t", "").isprintable():
        return quote(text)
    return f"`{text}`"


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_ASCII = {code: _escape(chr(code)) for code in range(0x80)}
