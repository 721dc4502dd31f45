"""Elements of XML and HTML: all that is put into them is escaped when they are written out."""

from xml.etree import ElementTree as ET

from smoketest.legible import legal


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


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
