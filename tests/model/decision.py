"""An independent model of the policy decision, to compare `policy.decide` with.

Answers: which backends may see this request, by the design's words alone?
Not here: reasons for people. It shares no code with `hybridllm`: labels are
`(rank, {compartment})`, everything else is plain dicts, and nothing is fast.

Written from the design page and the docstrings of the policy. What they promise:
a label is the join of all that anybody says; a kind that the organisation does not
mention is the strictest, whatever a department says of it; a doubt makes the label
the strictest and closes every cloud, and so does a used-up budget; a rule can only
raise or take away; a target stays if nothing speaks against it; whatever cannot be
decided is refused.
"""

from __future__ import annotations

Json = dict


def join(*labels: tuple) -> tuple:
    """Return the least label that all flow to."""
    return max(rank for rank, _ in labels), set().union(*(parts for _, parts in labels))


def flows(label: tuple, clearance: tuple) -> bool:
    """Return whether a label may be shown to a clearance."""
    return label[0] <= clearance[0] and label[1] <= clearance[1]


def decide(policy: Json, facts: Json) -> Json:
    """Return effect, label, candidates in order, and the codes against each other target."""
    known = facts["alias"] in policy["aliases"] and facts["department"] in policy["departments"]
    if not known or any(
        backend not in policy["backends"] for backend, _ in policy["aliases"][facts["alias"]]
    ):
        return {"effect": "indeterminate", "candidates": [], "rejected": {}}
    label = label_of(policy, facts)
    candidates, rejected = [], {}
    for target in policy["aliases"][facts["alias"]]:
        codes = against(policy, facts, target[0], label)
        if codes:
            rejected[target] = codes
        else:
            candidates.append(target)
    effect = "permit" if candidates else "deny"
    return {"effect": effect, "label": label, "candidates": candidates, "rejected": rejected}


def label_of(policy: Json, facts: Json) -> tuple:
    """Return how sensitive the request is."""
    department = policy["departments"][facts["department"]]
    said = [policy["default"], department["default"], facts["label"]]
    for kind in facts["kinds"]:
        said.append(meaning(policy["findings"], kind) or strictest(policy))
        said += [label for name, label in department["findings"].items() if covers(name, kind)]
    said += [
        rule["label"]
        for rule in rules_for(policy, facts)
        if rule.get("label") and applies(rule["when"], facts, None)
    ]
    if facts["doubts"]:
        said.append(strictest(policy))
    return join(*said)


def strictest(policy: Json) -> tuple:
    """Return the top of the scale."""
    return policy["levels"] - 1, set(policy["compartments"])


def meaning(findings: Json, kind: str) -> tuple | None:
    """Return what a table says of a kind: the kind itself, else its category, else `*`."""
    for name in (kind, kind.split(".", maxsplit=1)[0] + ".*", "*"):
        if name in findings:
            return findings[name]
    return None


def covers(name: str, kind: str) -> bool:
    """Return whether a name of a file stands for this kind."""
    return name in (kind, kind.split(".", maxsplit=1)[0] + ".*", "*")


def rules_for(policy: Json, facts: Json) -> list:
    """Return the organisation's rules and those of the asking department."""
    return policy["rules"] + policy["departments"][facts["department"]]["rules"]


def applies(when: Json, facts: Json, label: tuple | None) -> bool:
    """Return whether every part of a condition holds. Without a label, parts on it do not."""
    for part, wanted in when.items():
        if part == "level_at_least":
            holds = label is not None and label[0] >= wanted
        elif part == "compartments":
            holds = label is not None and bool(label[1] & set(wanted))
        elif part == "kinds":
            holds = any(covers(name, kind) for name in wanted for kind in facts["kinds"])
        else:
            holds = facts[part] in wanted
        if not holds:
            return False
    return True


def against(policy: Json, facts: Json, name: str, label: tuple) -> set:
    """Return the codes of all that speaks against a backend."""
    backend, codes = policy["backends"][name], set()
    if not flows(label, backend["clearance"]):
        codes.add("label_above_clearance")
    if facts["doubts"] and backend["place"] == "cloud":
        codes.add("doubt")
    if facts["budgets"] and backend["place"] == "cloud":
        codes.add("budget")
    if facts["endpoint"] not in backend["endpoints"]:
        codes.add("endpoint")
    if facts["parameters"] - backend["parameters"]:
        codes.add("parameter")
    for rule in rules_for(policy, facts):
        if applies(rule["when"], facts, label) and takes_away(rule, name, backend):
            codes.add("rule")
    return codes


def takes_away(rule: Json, name: str, backend: Json) -> bool:
    """Return whether a rule that applies leaves this backend out."""
    return (
        bool(rule.get("deny"))
        or (rule.get("only") is not None and name not in rule["only"])
        or name in rule.get("forbid", ())
        or backend["place"] in rule.get("forbid_places", ())
    )
