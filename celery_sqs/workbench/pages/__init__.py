"""The pages that show: each is HTML, and the same as JSON."""
