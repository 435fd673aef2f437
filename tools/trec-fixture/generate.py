"""Writes test/fixtures/eval/trec-eval.json: generated runs and judgments with what trec_eval says of them.

usage: pip install -r requirements.txt && python generate.py > ../../test/fixtures/eval/trec-eval.json

pytrec_eval is trec_eval's own C code behind a Python interface. Two of its gaps are filled: the exponential gain by giving
it 2^grade - 1 as the grade, and mrr@k by cutting its reciprocal rank.
"""

import json
import random

import pytrec_eval

CUTS = [1, 3, 5, 10, 100]
MEASURES = {
    "ndcg": "ndcg",
    "map": "map",
    "mrr": "recip_rank",
    **{f"{ours}@{k}": f"{theirs}_{k}" for k in CUTS for ours, theirs in [
        ("ndcg", "ndcg_cut"), ("map", "map_cut"), ("recall", "recall"), ("precision", "P"), ("success", "success"),
    ]},
}
ASKED = {"ndcg", "map", "recip_rank", *(f"{name}.{','.join(map(str, CUTS))}" for name in [
    "ndcg_cut", "map_cut", "recall", "P", "success",
])}

chance = random.Random(20)


def evaluate(qrels, run):
    return pytrec_eval.RelevanceEvaluator(qrels, ASKED).evaluate(run)


def expected(qrels, run):
    """By query, then by our names. trec_eval itself says nothing of a judged query that the run lacks; `-c` makes that 0."""
    linear = evaluate(qrels, run)
    gains = {query: {doc: 2 ** grade - 1 if grade > 0 else grade for doc, grade in own.items()} for query, own in qrels.items()}
    exponential = evaluate(gains, run)
    values = {}
    for query in qrels:
        own = {ours: linear.get(query, {}).get(theirs, 0.0) for ours, theirs in MEASURES.items()}
        for k in CUTS:
            own[f"ndcg_exp@{k}"] = exponential.get(query, {}).get(f"ndcg_cut_{k}", 0.0)
            own[f"mrr@{k}"] = own["mrr"] if own["mrr"] >= 1 / k - 1e-12 else 0.0
        values[query] = own
    return values


def case(name, queries=4, depth=12, judged=8, grades=(0, 1), scores=None, ids=None, pool=30, missing=0, extra=0):
    """`scores` gives the score of a rank, `ids` the id of a document's number; `pool` is what both sides draw from."""
    scores = scores or (lambda rank: chance.uniform(0, 10))
    ids = ids or (lambda number: f"d{number}")
    qrels, run = {}, {}
    for number in range(queries):
        query = f"q{number}"
        documents = chance.sample(range(pool), min(judged, pool))
        qrels[query] = {ids(document): chance.choice(grades) for document in documents}
        if number >= missing:
            shown = chance.sample(range(pool), min(depth, pool))
            run[query] = {ids(document): scores(rank) for rank, document in enumerate(shown)}
    for number in range(extra):
        run[f"extra{number}"] = {ids(0): 1.0}
    return {"name": name, "qrels": qrels, "run": run, "expected": expected(qrels, run)}


ASTRAL = ["z", "é", "～", "😀", "𐀀", "中", "Z", "~", "ß", "\ue000", "0", "ab", "a", "aé", "a😀", "a～"]
CASES = [
    case("binary, all scores differ"),
    case("binary, two scores in all", scores=lambda rank: float(rank % 2)),
    case("every score the same", scores=lambda rank: 1.0),
    case("graded 0 to 3", grades=(0, 1, 2, 3)),
    case("graded, few scores", grades=(0, 1, 2, 3), scores=lambda rank: float(chance.randrange(3))),
    case("graded with spam below 0", grades=(-2, -1, 0, 1, 2)),
    case("spam below 0, every score the same", grades=(-2, -1, 0, 1, 2), scores=lambda rank: 0.0),
    case("a grade that nobody else has", grades=(0, 0, 1, 7)),
    case("few judgments, most of the run unjudged", judged=2, grades=(1, 2), pool=60),
    case("more judged than retrieved", judged=25, depth=4, grades=(0, 1, 1, 2)),
    case("everything judged relevant", judged=30, grades=(1,), depth=30),
    case("queries without anything relevant", queries=6, grades=(0, 0, 0, 0, 0, 1), judged=4),
    case("nothing relevant was retrieved", pool=200, judged=5, grades=(1,), depth=3),
    case("half of the queries missing from the run", queries=6, missing=3, grades=(0, 1, 2)),
    case("queries in the run that nobody judged", extra=3),
    case("missing and unjudged queries, ties", queries=6, missing=2, extra=2, scores=lambda rank: float(rank // 4)),
    case("negative scores", scores=lambda rank: -1.0 - rank / 7, grades=(0, 1, 2)),
    case("scores that differ below 32 bits only", scores=lambda rank: 0.1 + rank * 1e-10, grades=(0, 1, 2)),
    case("scores that differ in the last of 32 bits", scores=lambda rank: 1.0 + rank * 2.0**-23, grades=(0, 1, 2)),
    case("large scores that are equal in 32 bits", scores=lambda rank: 2.0**24 + rank % 2, grades=(0, 1, 2)),
    case("numbers as ids, tied", ids=str, scores=lambda rank: float(rank // 3)),
    case("ids beyond ASCII, every score the same", ids=lambda n: ASTRAL[n], pool=16, depth=16, scores=lambda rank: 1.0, grades=(0, 1, 2, 3)),
    case("ids beyond ASCII, two scores", ids=lambda n: ASTRAL[n], pool=16, scores=lambda rank: float(rank % 2), grades=(0, 1)),
    case("one document retrieved", depth=1, pool=6, judged=3, grades=(0, 1)),
    case("long rankings, graded, few scores", queries=3, depth=150, judged=60, pool=200, grades=(-1, 0, 1, 2, 4), scores=lambda rank: float(rank // 7)),
    case("scores as fusion gives them", depth=40, pool=50, scores=lambda rank: 1 / (60 + chance.randrange(1, 40)) + 1 / (60 + chance.randrange(1, 40)), grades=(0, 1, 1, 2)),
]

if __name__ == "__main__":
    lines = ",\n".join(json.dumps(each, ensure_ascii=True, separators=(",", ":")) for each in CASES)
    print(f"[\n{lines}\n]")
