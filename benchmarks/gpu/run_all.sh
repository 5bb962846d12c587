#!/usr/bin/env bash
# Both GPU measurements of memory, each within a time limit in seconds; results lie in $OUT (default: the current folder).
#
#     benchmarks/gpu/run_all.sh [SECONDS_FOR_SHAPES] [SECONDS_FOR_IMAGES]
#
# A limit of 0 leaves the part out. What a part has found by its limit is kept.
set -u
cd "$(dirname "$0")/../.." || exit 1
out="${OUT:-.}"
python="${PYTHON:-python3}"
export PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}" HF_HUB_OFFLINE=1

part() {
    name="$1" limit="$2"
    shift 2
    [ "$limit" -eq 0 ] && return
    timeout "$limit" "$python" -u -m "$@" 2>&1 | tee "$out/$name.log"
    echo "$name: exit ${PIPESTATUS[0]} after at most $limit s"
}

part shapes "${1:-240}" benchmarks.gpu.shapes --out "$out/shapes.json"
part images "${2:-90}" benchmarks.gpu.images --steps 6 --methods lora,oft,ia3
