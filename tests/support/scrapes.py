"""What Prometheus reads, as the tests look at it."""

from __future__ import annotations

from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

#: A sample by its name and its labels, sorted.
Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """Return the values of an exposition."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def by_label(scrape: dict[Sample, float], name: str, label: str) -> Counter[str]:
    """Return how often each value of a label was counted, by that value; other labels are added up."""
    counted: Counter[str] = Counter()
    for (found, labels), value in scrape.items():
        if found == name and value:
            counted[dict(labels)[label]] += int(value)
    return counted
