"""Reads files that Assay wrote with the official C2PA reader (PyPI c2pa-python) and says whether it agrees.

    pip install c2pa-python
    python check.py [MADE...] [--claims CLAIMED...]

MADE are files that a generator made, CLAIMED are copies of a user's own files with the user's claim (`assay mark`).
Exit code 1 when a file has no valid manifest, or the manifest lacks what Assay must write or holds what it must not.
"""

import argparse
import json
import pathlib
import sys

import c2pa

TYPES = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
# An unknown issuer is what a key made by this program must be.
TOLERATED = {"signingCredential.untrusted"}


def made(manifest: dict, assertions: dict, actions: list) -> list[str]:
    """What is wrong with a generator's manifest."""
    found = []
    blocks = assertions.get("c2pa.soft-binding", {}).get("blocks", [])
    if not blocks or len(blocks[0].get("value", "")) != 8:
        found.append("no soft binding with a number of eight digits")
    if actions[0]["action"] != "c2pa.created":
        found.append(f"the first action is {actions[0]['action']}, not c2pa.created")
    if "lgorithmicMedia" not in actions[0].get("digitalSourceType", ""):
        found.append(f"source type {actions[0].get('digitalSourceType')}")
    record = assertions.get("org.assay.record", {})
    for field in ("generator", "weights", "settings", "label"):
        if field not in record:
            found.append(f"no {field} recorded")
    for source in record.get("sources", []):
        if len(source.get("sha256", "")) != 64:
            found.append(f"no hash of {source.get('title')}")
    if len(record.get("sources", [])) != len(manifest.get("ingredients", [])):
        found.append("sources and ingredients differ in number")
    return found


def claimed(manifest: dict, assertions: dict, actions: list) -> list[str]:
    """What is wrong with the manifest of a user's claim."""
    found = []
    if actions[0]["action"] != "c2pa.opened":
        found.append(f"the first action is {actions[0]['action']}, not c2pa.opened")
    if "claim" not in assertions.get("org.assay.record", {}):
        found.append("no claim recorded")
    if "c2pa.soft-binding" in assertions:
        found.append("a soft binding, though nothing was put into the pixels")
    if [i.get("relationship") for i in manifest.get("ingredients", [])] != ["parentOf"]:
        found.append("the file itself is not its one parent")
    return found


def problems(path: pathlib.Path, rules) -> list[str]:
    with path.open("rb") as file, c2pa.Reader(TYPES[path.suffix.lower()], file) as reader:
        store = json.loads(reader.json())
    found = []
    state = store.get("validation_state")
    if state not in ("Valid", "Trusted"):
        found.append(f"state {state}")
    for status in store.get("validation_status", []):
        if status["code"] not in TOLERATED:
            found.append(f"{status['code']}: {status.get('explanation')}")
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {a["label"].split("__")[0]: a["data"] for a in manifest["assertions"]}
    actions = next((d["actions"] for label, d in assertions.items() if label.startswith("c2pa.actions")), [])
    found += rules(manifest, assertions, actions) if actions else ["no actions"]
    if manifest.get("thumbnail"):
        found.append("a thumbnail")
    print(f"{path.name}: {state}, {len(manifest.get('ingredients', []))} ingredients, "
          f"soft binding {assertions.get('c2pa.soft-binding', {}).get('blocks')}, "
          f"issuer {manifest['signature_info'].get('issuer')}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("made", nargs="*", type=pathlib.Path)
    parser.add_argument("--claims", nargs="*", type=pathlib.Path, default=[])
    arguments = parser.parse_args()
    bad = 0
    for files, rules in ((arguments.made, made), (arguments.claims, claimed)):
        for path in files:
            for problem in problems(path, rules):
                print(f"  {path.name}: {problem}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
