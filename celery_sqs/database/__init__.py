"""What the tables of `monitor` and `dlq` have in common: column types, and transactions that are repeated."""
