"""Durations in words."""


def span(seconds: float) -> str:
    """Seconds as people say them: 12 hours, 1 day 6 hours, 90 ms."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds else "0 s"
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.3g} s"
    parts, rest = [], round(seconds)
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'s' * (count != 1)}")
    return " ".join(parts[:2])
