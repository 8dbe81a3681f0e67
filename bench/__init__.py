"""The published benchmark: `python -m bench` measures this project and its peers in one run on one machine."""
