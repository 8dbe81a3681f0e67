"""Messages that would be older than their queue's retention: they are renewed in time."""
