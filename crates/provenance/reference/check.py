"""Reads files that Assay wrote with the official C2PA reader (PyPI c2pa-python) and says whether it agrees.

    pip install c2pa-python
    python check.py FILE...

Exit code 1 when a file has no valid manifest, or the manifest lacks what Assay must write.
"""

import json
import pathlib
import sys

import c2pa

TYPES = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
# An unknown issuer is what a key made by this program must be.
TOLERATED = {"signingCredential.untrusted"}


def problems(path: pathlib.Path) -> list[str]:
    with path.open("rb") as file, c2pa.Reader(TYPES[path.suffix.lower()], file) as reader:
        store = json.loads(reader.json())
    found = []
    if store.get("validation_state") not in ("Valid", "Trusted"):
        found.append(f"state {store.get('validation_state')}")
    for status in store.get("validation_status", []):
        if status["code"] not in TOLERATED:
            found.append(f"{status['code']}: {status.get('explanation')}")
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {a["label"].split("__")[0]: a["data"] for a in manifest["assertions"]}
    for label in ("c2pa.soft-binding", "org.assay.record"):
        if label not in assertions:
            found.append(f"no {label}")
    actions = next((d["actions"] for label, d in assertions.items() if label.startswith("c2pa.actions")), [])
    if not actions or actions[0]["action"] != "c2pa.created":
        found.append("the first action is not c2pa.created")
    elif "lgorithmicMedia" not in actions[0].get("digitalSourceType", ""):
        found.append(f"source type {actions[0].get('digitalSourceType')}")
    if manifest.get("thumbnail"):
        found.append("a thumbnail")
    print(f"{path.name}: {store.get('validation_state')}, {len(manifest.get('ingredients', []))} ingredients, "
          f"soft binding {assertions.get('c2pa.soft-binding', {}).get('blocks')}, issuer {manifest['signature_info'].get('issuer')}")
    return found


def main() -> int:
    bad = 0
    for name in sys.argv[1:]:
        for problem in problems(pathlib.Path(name)):
            print(f"  {problem}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
