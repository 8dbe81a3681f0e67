"""The order itself: message schema, identity, tables, store. Knows neither Flask nor Celery."""
