"""How large a life is."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large a life is."""

    workers: int
    processes: int
    prefetch: int
    batch: int
    messages: int
    visibility_timeout: int
    poll_wait: int
    retention: int
    task_time: float
    on_hub: bool
    lasts: float

    @classmethod
    def draw(cls, random: Random, is_calm: bool) -> "Sizes":
        """Those of one life."""
        return cls(
            workers=random.choice((1, 1, 2, 3)),
            processes=random.choice((1, 2, 3)),
            prefetch=random.choice((1, 4, 20, 100, 100, 100)),
            batch=random.choice((1, 3, 10, 100)),
            messages=random.randint(1, 12),
            visibility_timeout=random.choice((6, 12)),
            poll_wait=random.choice((1, 5, 20)),
            retention=86_400 if is_calm else random.choice((86_400, 86_400, 86_400, 600)),
            task_time=random.choice((0.01, 0.1, 1.0, 5.0)),
            on_hub=random.random() < 0.7,
            lasts=random.choice((3.0, 10.0, 40.0)),
        )
