"""The report's plots, drawn in an environment of their own, from the raw results alone."""
