"""Elements of XML and HTML: all that is put into them is escaped when they are written out."""

import re
from xml.etree import ElementTree as ET

_ILLEGAL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What neither may hold, not even escaped, and the rest of the control characters."""


def element(tag: str, *children: ET.Element | str, **attributes: str) -> ET.Element:
    """Make an element of texts and elements; an empty attribute is left out, `class_` and `aria_label` are HTML's."""
    made = ET.Element(tag, {_attribute(name): legal(value) for name, value in attributes.items() if value})
    last: ET.Element | None = None
    for child in children:
        if isinstance(child, ET.Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + legal(child)
        else:
            last.tail = (last.tail or "") + legal(child)
    return made


def legal(text: str) -> str:
    r"""Return `text` with its control characters, the colours of a terminal say, spelt out: `\x1b`."""
    return _ILLEGAL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
