"""Every sentence about facts that contradict each other."""

from __future__ import annotations

from policy.facts.evidence import Metric
from policy.gates.messages import short


def two_models(one: str, other: str) -> str:
    return f"the evidence is about {one!r}, its proposal about {other!r}"


def digest_of_other_inputs(named: str, found: str) -> str:
    return f"the inputs listed have the digest {short(found)}, not {short(named)}"


def twice(kind: str, name: str) -> str:
    return f"the {kind} {name!r} stands there twice"


def more(what: str, part: int, whole: int) -> str:
    return f"{what}: {part}, but there are only {whole}"


def share(subject: str, metric: Metric) -> str:
    return (
        f"{metric.name} of {subject} is said to be {metric.value:.6g}, "
        f"with {metric.successes} of {metric.n} rows right"
    )


def another_model(subject: str, measured: str, named: str) -> str:
    return f"the {subject} that was measured is {short(measured)}, not {short(named)}"


def other_rows(subject: str) -> str:
    return f"{subject} was measured on other rows than the candidate"


def unlike(metric: str, subject: str) -> str:
    return f"{metric} of {subject} is not the figure that was taken of the candidate"


def counts_or_means(name: str) -> str:
    return f"the comparison of {name} holds neither counts nor means, or both"


def not_measured(name: str) -> str:
    return f"{name} were compared, but not both were measured"


def other_figures(name: str) -> str:
    return f"the comparison of {name} is of other figures than those measured"


def other_answers(of: str, against: str, answers: int, rows: int) -> str:
    return f"{of} against {against} counts {answers} answers, but {rows} rows were measured"


def no_interval(name: str) -> str:
    return f"the interval and p of {name} are none that resampling gives"


def other_groups(name: str) -> str:
    return f"the groups of {name} are not the rows that were compared"


def other_rest(name: str) -> str:
    return f"{name} names values that stand together, but not their rows, or the other way round"


def compared_less(answers: int, rows: int) -> str:
    return f"only {answers} answers were compared after the export, {rows} rows were measured"


def other_classes(subject: str) -> str:
    return f"the classes of {subject} are not of the rows that its accuracy counts"


def classes_do_not_add_up(subject: str) -> str:
    return f"the classes and confusions of {subject} do not add up to its rows"
