"""Virtual time and simulated threads: greenlets, of which a seed decides which goes on next."""
