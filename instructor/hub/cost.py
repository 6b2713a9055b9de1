"""Work out what a hub costs from the values files and from stated assumptions.

    python instructor/hub/cost.py [ASSUMPTION=NUMBER ...]       for example price_of_node=0.38

Prices have no currency; put in yours.
"""

import math
import sys
from dataclasses import dataclass, fields
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent
CLASSES = {20: 20, 200: 100, 5000: 500}  # students: of them at once, at the busiest hour


@dataclass(frozen=True)
class Assumptions:
    """What nobody measured: put in your own."""

    node_gib: float = 64.0  # memory of one machine for students
    node_cpus: float = 8.0
    for_students: float = 0.9  # of both; the rest is for the system
    pods: float = 100.0  # most students on one machine, by the rules of the cluster
    price_of_node: float = 0.50  # an hour
    price_of_core: float = 0.20  # an hour, the machine of hub and proxy, which never stops
    price_of_gib: float = 0.10  # a month of storage
    weeks: float = 12.0
    open_hours: float = 84.0  # a week, in which at least one machine for students runs
    hours_of_student: float = 42.0  # on the hub, in the whole course
    filled: float = 0.5  # part of the places on running machines that is taken


def values(students):
    """Return the values of a class: the common ones, and over them its own."""
    return merged(
        *(yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in ("values", f"students-{students}"))
    )


def merged(base, over):
    """Return nested dicts laid over each other, as helm does it."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {
        key: merged(base[key], over[key]) if key in base and key in over else {**base, **over}[key]
        for key in base | over
    }


def gib(text):
    """Return a size such as 512M, 1G or 1Gi in GiB, as JupyterHub reads it."""
    number, unit = text.rstrip("KMGTi"), text.rstrip("i")[-1]
    return float(number) / 1024 ** ("GMK".index(unit))


def seats(singleuser, a):
    """Return how many students fit on one machine by what they are guaranteed."""
    by_memory = a.node_gib * a.for_students / gib(singleuser["memory"]["guarantee"])
    by_cpu = a.node_cpus * a.for_students / singleuser["cpu"]["guarantee"]
    return math.floor(min(by_memory, by_cpu, a.pods))


def reckon(students, a):
    """Return the columns of one class as a dict."""
    singleuser, at_once = values(students)["singleuser"], CLASSES[students]
    places = seats(singleuser, a)
    hours = a.weeks * a.open_hours
    on_average = students * a.hours_of_student / hours
    machines = max(1, math.ceil(on_average / places / a.filled))
    cost = {
        "machines for students": machines * hours * a.price_of_node,
        "hub and proxy": a.weeks * 7 * 24 * a.price_of_core,
        "storage": students * gib(singleuser["storage"]["capacity"]) * a.price_of_gib * math.ceil(a.weeks / 4),
    }
    return {
        "at once, busiest hour": at_once,
        "memory guaranteed, GiB": at_once * gib(singleuser["memory"]["guarantee"]),
        "processors guaranteed": at_once * singleuser["cpu"]["guarantee"],
        "students on a machine": places,
        "machines, busiest hour": math.ceil(at_once / places),
        "at once, on average": on_average,
        "machines, on average": machines,
        **cost,
        "together": sum(cost.values()),
        "for each student": sum(cost.values()) / students,
    }


def table(a):
    """Return the lines of a table: a row for each quantity, a column for each class."""
    columns = {students: reckon(students, a) for students in CLASSES}
    head = f"{'students':24s}" + "".join(f"{students:>10,}" for students in columns)
    rows = (
        f"{name:24s}"
        + "".join(
            f"{column[name]:10,.4g}" if column[name] < 100 else f"{column[name]:10,.0f}" for column in columns.values()
        )
        for name in columns[20]
    )
    return [head, *rows]


def main(arguments):
    known = {field.name for field in fields(Assumptions)}
    given = dict(argument.split("=") for argument in arguments)
    if unknown := given.keys() - known:
        sys.exit(f"unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}")
    print("\n".join(table(Assumptions(**{name: float(number) for name, number in given.items()}))))


if __name__ == "__main__":
    main(sys.argv[1:])
