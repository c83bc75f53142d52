#!/bin/sh
# Ratios of this project's networks to PyTorch eager and ONNX Runtime, in turns: compare.sh [ROUNDS] [THREADS] [PROGRAM] ["NET ..."].
set -eu
rounds=${1:-5}
threads=${2:-1}
here=$(cd "$(dirname "$0")" && pwd)
program=${3:-${CARGO_TARGET_DIR:-$here/../../../target}/release/examples/speed}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for i in $(seq "$rounds"); do
    for net in ${4:-faces first_order animator efficientnet_b4}; do
        RAYON_NUM_THREADS=$threads "$program" --runs 3 --net "$net" >"$out/ours.$net.$i"
        python3 "$here/speed.py" --runs 3 --threads "$threads" --net "$net" --onnx >"$out/theirs.$net.$i" 2>/dev/null
    done
done
python3 - "$out" <<'PYTHON'
import glob, json, statistics, sys
times = {}
def note(name, who, seconds):
    for clock, value in seconds.items():
        times.setdefault((name, clock), {}).setdefault(who, []).append(value)
for path in glob.glob(sys.argv[1] + "/ours.*"):
    for name, seconds in json.load(open(path)).items():
        note(name, "assay", seconds)
for path in glob.glob(sys.argv[1] + "/theirs.*"):
    for name, peers in json.load(open(path)).items():
        for peer, seconds in peers.items():
            note(name, peer, seconds)
for (name, clock), rows in sorted(times.items()):
    middle = {who: statistics.median(values) for who, values in rows.items()}
    text = ", ".join(f"{who} {1000 * seconds:.1f} ms" for who, seconds in sorted(middle.items()))
    ratios = ", ".join(f"{middle['assay'] / s:.2f} x {who}" for who, s in sorted(middle.items()) if who != "assay")
    print(f"{name}, {clock} time: {text}" + (f"; assay takes {ratios}" if ratios else ""))
PYTHON
