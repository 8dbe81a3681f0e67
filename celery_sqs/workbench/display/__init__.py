"""How values become text, tables and charts."""
