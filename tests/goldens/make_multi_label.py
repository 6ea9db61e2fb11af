"""Writes multi_label.json: scikit-learn's figures of several labels a picture (1.9).

    python make_multi_label.py           # needs scikit-learn

Scores of 60 pictures for 6 classes, rounded to hundredths so that many are equal.
The fifth class is that of no picture, the sixth of all. Of each class: average
precision, the highest F1 of all thresholds with the highest threshold that has it,
and precision and recall there. "at_half": the same figures at a threshold of 0.5.
"""
import json
import pathlib

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

PICTURES, CLASSES = 60, 6

random = np.random.default_rng(7)
labels = (random.random((PICTURES, CLASSES)) < [0.5, 0.2, 0.1, 0.07, 0, 0]).astype(int)
labels[:, 5] = 1
scores = 1 / (1 + np.exp(-(random.normal(size=labels.shape) + [1.5, 1, 2, 0, 0, 0] * labels - 0.7)))
scores = np.round(scores, 2).astype(np.float32)


def at(truth, score, threshold):
    found = score >= threshold
    return {"precision": precision_score(truth, found, zero_division=0),
            "recall": recall_score(truth, found, zero_division=0),
            "f1": f1_score(truth, found, zero_division=0)}


def of_class(truth, score):
    if not truth.any():
        return {"images": 0, "at_half": at(truth, score, 0.5)}
    falling = np.unique(score)[::-1]
    best = max(falling, key=lambda threshold: at(truth, score, threshold)["f1"])  # The first of equal ones.
    return {"images": int(truth.sum()), "average_precision": average_precision_score(truth, score),
            "threshold": float(best), "best": at(truth, score, best), "at_half": at(truth, score, 0.5)}


there = labels.any(axis=0)
golden = {
    "scores": [[round(float(s), 2) for s in row] for row in scores],
    "labels": labels.tolist(),
    "classes": [of_class(labels[:, c], scores[:, c]) for c in range(CLASSES)],
    "map": average_precision_score(labels[:, there], scores[:, there], average="macro"),
    "macro_f1_at_half": f1_score(labels[:, there], scores[:, there] >= 0.5, average="macro", zero_division=0),
}
path = pathlib.Path(__file__).with_name("multi_label.json")
path.write_text(json.dumps(golden) + "\n")
