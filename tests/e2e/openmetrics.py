"""A checker of OpenMetrics text (version 1.0.0) by its grammar and the rules that stand beside it, for what we write: gauges and
counters. check() returns the samples as {(name, labels): value}, or raises AssertionError naming the line."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[n"\\])*"'
NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|[Ii]nf(?:inity)?)|[Nn]a[Nn]"
DESCRIPTOR = re.compile(rf"# (TYPE|UNIT|HELP) ({NAME}) (.+)")
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)?\}})? ({NUMBER})(?: ({NUMBER}))?(?: # .*)?")
TYPES = {"gauge", "counter"}


class Family:
    def __init__(self, name):
        self.name, self.described, self.samples = name, {}, {}


def describe(family, kind, text):
    assert not family.samples, f"{kind} after samples"
    assert kind not in family.described, f"a second {kind}"
    if kind == "TYPE":
        assert text in TYPES, f"type {text}"
    elif kind == "UNIT":
        assert re.fullmatch(r"[a-zA-Z0-9_:]+", text) and family.name.endswith("_" + text), f"unit {text}"
    else:
        assert re.fullmatch(r'(?:[^"\\\n]|\\[n"\\])*', text), "HELP is not escaped"
    family.described[kind] = text


def add_sample(family, name, labels, value):
    kind = family.described.get("TYPE")
    assert kind, "a sample without a type"
    wanted = family.name + ("_total" if kind == "counter" else "")
    assert name == wanted, f"a {kind} named {name}"
    names = [label.split("=")[0] for label in labels]
    assert len(set(names)) == len(names), "a label is there twice"
    key = (name, frozenset(labels))
    assert key not in family.samples, "the same sample twice"
    if kind == "counter":
        assert float(value) >= 0, "a counter below 0"
    family.samples[key] = float(value.replace("Inf", "inf"))


def check(text):
    assert text.endswith("# EOF\n"), "no # EOF at the end"
    families, current = {}, None
    for number, line in enumerate(text[: -len("# EOF\n")].splitlines(), 1):
        try:
            described, sample = DESCRIPTOR.fullmatch(line), SAMPLE.fullmatch(line)
            assert described or sample, "neither descriptor nor sample"
            name = described.group(2) if described else sample.group(1)
            if not current or (name != current.name and not (sample and name == f"{current.name}_total")):
                assert described, "a sample of no family"
                assert name not in families, "a family in two pieces"
                current = families[name] = Family(name)
            if described:
                describe(current, described.group(1), described.group(3))
            else:
                add_sample(current, name, re.findall(LABEL, sample.group(2) or ""), sample.group(3))
        except AssertionError as error:
            raise AssertionError(f"OpenMetrics line {number}: {error}: {line!r}") from error
    # A suffix of one family may not make the name of another.
    for name in families:
        assert f"{name}_total" not in families and f"{name}_created" not in families, f"{name} and {name}_total"
    return {key: value for family in families.values() for key, value in family.samples.items()}


# What the checker itself must refuse; the test of the checker.
REFUSED = [
    "",
    "# TYPE a gauge\na 1\n",
    "# TYPE a gauge\na 1\n# EOF",
    "# EOF\n# EOF\n",
    "a 1\n# EOF\n",
    "# TYPE a counter\na 1\n# EOF\n",
    "# TYPE a gauge\na_total 1\n# EOF\n",
    "# TYPE a counter\na_total -1\n# EOF\n",
    "# TYPE a gauge\na 1\na 2\n# EOF\n",
    '# TYPE a gauge\na{b="1",b="2"} 1\n# EOF\n',
    '# TYPE a gauge\na{b="x"y"} 1\n# EOF\n',
    '# TYPE a gauge\na{b="\\x"} 1\n# EOF\n',
    "# TYPE a gauge\n# UNIT a bytes\na 1\n# EOF\n",
    "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na 2\n# EOF\n",
    "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n",
    "# TYPE a gauge\na one\n# EOF\n",
    "# TYPE a gauge\n\na 1\n# EOF\n",
    "# TYPE a heap\na 1\n# EOF\n",
    "#TYPE a gauge\na 1\n# EOF\n",
    "# TYPE a counter\na_total 1\n# TYPE a_total gauge\n# EOF\n",
]
