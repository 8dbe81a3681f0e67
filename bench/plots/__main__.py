"""Draw all charts for which there are results: `python -m bench.plots RESULTS.json FOLDER`; prints the files' names."""

import json
import sys
from pathlib import Path

from bench.plots.charts import CHARTS
from bench.plots.drawing import save


def main() -> None:
    """Read the results and write the files."""
    results = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    for name, draw in CHARTS.items():
        figure = draw(results)
        if figure is not None:
            save(figure, folder / f"{name}.svg")
            sys.stdout.write(f"{name}.svg\n")


if __name__ == "__main__":
    main()
