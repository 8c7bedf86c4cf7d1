"""Strange requests to `pgvoice hook`: ``python tests/fuzz/requests_of_pipelines.py``.

Every answer is a JSON document, never a traceback.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import click
from hypothesis import HealthCheck, given, settings

sys.path.append(str(Path(__file__).parents[1] / "support"))
from pgvoice_testkit.documents.strange_requests import answered, requests


@click.command()
@click.option("--examples", default=10_000, show_default=True)
def main(examples: int) -> None:
    """Send strange requests."""
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=5000,
        database=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(request=requests)
    def run(request: object) -> None:
        outcomes[answered(json.dumps(request).encode())] += 1

    run()
    for outcome, count in sorted(outcomes.items()):
        click.echo(f"{outcome}: {count:,}")


if __name__ == "__main__":
    main()
