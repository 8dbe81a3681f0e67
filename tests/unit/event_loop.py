"""An event loop in kombu's place, which turns when it is told to."""


class StuckLoop:
    """Turns only in `turn`."""

    def __init__(self):
        self._timers = []

    def call_repeatedly(self, delay, callback, *args):
        self._timers.append((callback, args))
        return self

    def cancel(self):
        self._timers.clear()

    def turn(self):
        for callback, args in self._timers:
            callback(*args)
