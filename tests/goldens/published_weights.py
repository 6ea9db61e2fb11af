"""Holds tools/weights/published.cpp and imagenet_categories.cpp to torchvision.

  published_weights.py SKIPZOO [FOLDER]

SKIPZOO: the binary, asked for `weights --json`. FOLDER: an unpacked torchvision;
else the installed one. Its sources are read, and nothing of it is run: any
version does, without its PyTorch. Exit code 77: there is none here.
"""

import ast
import importlib.util
import json
import pathlib
import re
import subprocess
import sys

CATEGORIES = pathlib.Path(__file__).parents[2] / "tools/weights/imagenet_categories.cpp"


def find_torchvision():
    if len(sys.argv) > 2:
        return pathlib.Path(sys.argv[2])
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        print("no torchvision here")
        sys.exit(77)
    return pathlib.Path(found.origin).parent


def tree_of(path):
    return ast.parse(path.read_text())


def named_class(tree, name):
    return next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name)


def keywords(call):
    return {k.arg: k.value for k in call.keywords}


def preset_defaults(folder):
    """What ImageClassification() takes where a version does not say it."""
    preset = named_class(tree_of(folder / "transforms/_presets.py"), "ImageClassification")
    init = next(n for n in preset.body if getattr(n, "name", "") == "__init__")
    given = zip(init.args.kwonlyargs, init.args.kw_defaults)
    return {arg.arg: default for arg, default in given if default is not None}


def facts_of(version, call, defaults):
    given = keywords(call)
    transforms = {**defaults, **keywords(given["transforms"])}
    meta = given["meta"]
    meta = {k.value: v for k, v in zip(meta.keys, meta.values) if k is not None}
    metrics = ast.literal_eval(meta["_metrics"])["ImageNet-1K"]
    address = ast.literal_eval(given["url"])
    return {
        "version": version,
        "address": address,
        "sha256": re.fullmatch(r".*-([0-9a-f]{8})\.pth", address)[1],
        "mebibytes": ast.literal_eval(meta["_file_size"]),
        "parameters": ast.literal_eval(meta["num_params"]),
        "top1": metrics["acc@1"],
        "top5": metrics["acc@5"],
        "image_size": ast.literal_eval(transforms["crop_size"]),
        "resize_size": ast.literal_eval(transforms["resize_size"]),
        "mean": list(ast.literal_eval(transforms["mean"])),
        "std": list(ast.literal_eval(transforms["std"])),
        "interpolation": transforms["interpolation"].attr.lower(),
    }


def published(folder):
    """Facts by network, in the order of the sources."""
    defaults = preset_defaults(folder)
    found = {}
    for file in ("resnet.py", "densenet.py"):
        for weights in tree_of(folder / "models" / file).body:
            if not isinstance(weights, ast.ClassDef) or not weights.name.endswith("_Weights"):
                continue
            versions = {}
            for entry in weights.body:
                name = entry.targets[0].id
                if name == "DEFAULT":
                    default = entry.value.id
                else:
                    versions[name] = facts_of(name, entry.value, defaults)
            for name, facts in versions.items():
                facts["default"] = name == default
            found[weights.name.removesuffix("_Weights").lower()] = versions
    return found


def categories_of_torchvision(folder):
    for entry in tree_of(folder / "models/_meta.py").body:
        if isinstance(entry, ast.Assign) and entry.targets[0].id == "_IMAGENET_CATEGORIES":
            return ast.literal_eval(entry.value)


def categories_here():
    text = re.search(r'R"\((.*?)\)"', CATEGORIES.read_text(), re.DOTALL)[1]
    return [name.strip() for name in text.split(",")]


def main():
    folder = find_torchvision()
    theirs = published(folder)
    listed = subprocess.run([sys.argv[1], "weights", "--json"], check=True, capture_output=True)
    ours = {}
    for row in json.loads(listed.stdout):
        ours.setdefault(row["network"], {})[row["version"]] = row
    wrong = [] if ours.keys() == theirs.keys() else [f"networks: {ours.keys() ^ theirs.keys()}"]
    for network in ours.keys() & theirs.keys():
        if list(ours[network]) != list(theirs[network]):
            wrong.append(f"{network}: {list(ours[network])}, there {list(theirs[network])}")
            continue
        for version, facts in theirs[network].items():
            row = ours[network][version]
            wrong += [f"{network}:{version} {key}: {row[key]}, there {value}"
                      for key, value in facts.items() if row[key] != value]
    if categories_here() != categories_of_torchvision(folder):
        wrong.append("the categories differ")
    print("\n".join(wrong) or f"{sum(map(len, ours.values()))} as in {folder.name}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
