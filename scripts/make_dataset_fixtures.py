#!/usr/bin/env python3
"""Makes testdata/datasets: small files in the forms of published data sets, and the tokens that the published recipes (GPTQ, AWQ)
take from them with CPython's `random` and NumPy (made with CPython 3.11 and NumPy 2.4). A token is a byte, BOS is 256; windows have
16 tokens.

Usage: scripts/make_dataset_fixtures.py [OUT_FOLDER]
"""
import gzip
import hashlib
import json
import pathlib
import random
import sys

import numpy

BOS, WINDOW = 256, 16


def encode(text):
    return [BOS] + list(text.encode())


def crops_of_documents(documents, count):
    random.seed(0)
    tokens = []
    for _ in range(count):
        while True:
            i = random.randint(0, len(documents) - 1)
            ids = encode(documents[i])
            if len(ids) > WINDOW:
                break
        i = random.randint(0, len(ids) - WINDOW - 1)
        tokens += ids[i:i + WINDOW]
    return tokens


def crops_of_text(text, count):
    random.seed(0)
    ids = encode(text)
    tokens = []
    for _ in range(count):
        i = random.randint(0, len(ids) - WINDOW - 1)
        tokens += ids[i:i + WINDOW]
    return tokens


def pile(documents):
    tokens, taken = [], 0
    for i in numpy.random.default_rng(42).permutation(len(documents)):
        ids = encode(documents[i].strip())
        if len(ids) > 512:
            continue
        tokens += ids
        taken += 1
        if taken == 128:
            break
    return tokens


def wikitext_rows(raw):
    return [line if line.strip() else "" for line in raw.splitlines(keepends=True)]


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "testdata/datasets")
    out.mkdir(parents=True, exist_ok=True)
    words = "the cat sat on a mat, caf\u00e9 \u4e2d\u6587 12 \u201cq\u201d\n".split(" ")
    draw = random.Random(7)
    documents = [" ".join(draw.choice(words) for _ in range(draw.choice([1, 2, 3, 30, 150]))) for _ in range(200)]
    documents[3] = " \u3000\t padded \u2028\n"
    documents[5] = "  "
    wiki = " \n = Title = \n \n A line of text . \n Another @-@ line caf\u00e9 . \n \n = = Part = = \n \n More .\n"
    ptb = " no it was n't <unk> monday \n but N years later \n the end \n"

    rows = "".join(json.dumps({"text": text, "meta": {"n": n}}) + "\n" for n, text in enumerate(documents))
    (out / "documents.jsonl.gz").write_bytes(gzip.compress(rows.encode(), mtime=0))
    (out / "wiki.raw").write_text(wiki)
    (out / "wiki.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in wikitext_rows(wiki)))
    (out / "ptb.txt").write_text(ptb)
    (out / "ptb.jsonl").write_text("".join(json.dumps({"sentence": row.strip()}) + "\n" for row in ptb.splitlines()))

    wiki_joined = "\n\n".join(wikitext_rows(wiki))
    sentences = [row.strip() for row in ptb.splitlines()]
    joined = {"wikitext2": wiki_joined, "ptb": "\n\n".join(sentences), "ptb_new": " ".join(sentences)}
    cut = {"c4": crops_of_documents(documents, 256), "c4_crops": crops_of_documents(documents, 128),
           "wikitext2_crops": crops_of_text(wiki_joined, 128), "pile": pile(documents),
           "c4_new": encode(" ".join(documents[:1100]))[:256 * WINDOW]}
    digest = lambda tokens: hashlib.sha256(",".join(map(str, tokens)).encode()).hexdigest()
    (out / "expected.json").write_text(json.dumps({
        "texts": joined,
        "tokens": {name: {"count": len(tokens), "first": tokens[:40], "sha256": digest(tokens)} for name, tokens in cut.items()},
    }, indent=1) + "\n")


if __name__ == "__main__":
    main()
