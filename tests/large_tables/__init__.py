"""What tables of tens of millions of rows cost: writes, reads, purges, and the reconciliation of an hour."""
