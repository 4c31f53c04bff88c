"""Text files as UTF-8, whatever an editor has saved them as: the byte-order mark tells."""

import codecs

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def as_utf_8(content: bytes) -> bytes:
    """Return the content of a text file as UTF-8 without a byte-order mark.

    What has none is taken for UTF-8, also where it is not: each line is judged when it is decoded.

    Raises:
        ValueError: it begins as UTF-16 but is none, or is no text; says which of the two.
    """
    if content.startswith(_UTF_16):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise ValueError(f"is not UTF-16 text ({error})") from error
    if b"\0" in content:
        raise ValueError("is not a text file")
    return content.removeprefix(codecs.BOM_UTF8)
