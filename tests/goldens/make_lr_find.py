"""Writes lr_find.json: sweeps over learning rates, and valleys of losses.

    python make_lr_find.py

A sweep: Lightning's rates of a range and its rule of stopping, on losses by formula, with
its smoothed losses corrected by their number. A valley: losses, and the index that fastai's
valley() takes; null where no loss is below an earlier one.
"""
import json
import math
import pathlib
import random


def rates(low, high, steps):
    """lightning.pytorch.tuner.lr_finder._ExponentialLR: last_epoch is the step."""
    return [low * (high / low) ** ((step + 1) / steps) if step > 0 else low for step in range(steps)]


def sweep(low, high, steps, losses):
    average, best, smoothed = 0.0, 0.0, []
    for count, loss in enumerate(losses[:steps], 1):
        average = 0.98 * average + (1 - 0.98) * loss
        value = average / (1 - 0.98 ** count)
        smoothed.append(value)
        if count > 1 and value > 4 * best:
            break
        if value < best or count == 1:
            best = value
    return {"min_lr": low, "max_lr": high, "losses": losses, "lrs": rates(low, high, steps)[:len(smoothed)],
            "smoothed": smoothed}


def valley(losses):
    """The longest falling subsequence that ends at each index, by trying all before it."""
    longest = [1] * len(losses)
    start = end = 0
    for i in range(1, len(losses)):
        for j in range(i):
            if losses[i] < losses[j] and longest[i] < longest[j] + 1:
                longest[i] = longest[j] + 1
            if longest[end] < longest[i]:
                end = i
                start = end - longest[end]
    if longest[end] == 1:
        return None
    third = (end - start) / 3
    return start + int(third) + int(third / 2)


def typical(steps, noise, seed):
    """A plateau, a fall and a rise."""
    draw = random.Random(seed)
    curve = []
    for i in range(steps):
        x = i / steps
        fall = 1 / (1 + math.exp(-20 * (x - 0.6)))
        curve.append(2.3 - 1.5 * fall + 40 * max(0.0, x - 0.85) ** 2 + draw.gauss(0, noise))
    return curve


def main():
    draw = random.Random(3)
    valleys = [typical(85, noise, seed) for noise in (0, 0.01, 0.1) for seed in range(3)]
    valleys += [[draw.random() for _ in range(n)] for n in (5, 17, 60)]
    valleys += [[3.0, 2.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0, 0.0], [2.0, 1.0, 2.0, 1.0, 0.5, 3.0],
                [1.0, 1.0, 1.0], [1.0, 2.0, 3.0], [1.0], [2.0, 2.0, 1.0, 1.0, 0.5, 0.5]]
    sweeps = [sweep(1e-8, 1, 100, typical(100, 0.02, 1)),
              sweep(1e-5, 10, 40, typical(40, 0.1, 2)),
              sweep(1e-8, 1, 100, [2.0 + 0.01 * math.exp(i / 4) for i in range(100)]),
              sweep(1e-4, 1, 20, [1.0, 400.0, 400.0] + [1.0] * 17)]
    path = pathlib.Path(__file__).with_name("lr_find.json")
    lines = [json.dumps({"losses": losses, "index": valley(losses)}) for losses in valleys]
    path.write_text('{"sweeps": [\n' + ",\n".join(json.dumps(one) for one in sweeps)
                    + '\n],\n"valleys": [\n' + ",\n".join(lines) + "\n]}\n")


main()
