"""Text from outside, made fit to be kept."""


def storable(text: str) -> str:
    """Text that any database takes: half surrogate pairs, which UTF-8 has no bytes for, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
