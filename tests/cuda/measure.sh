#!/bin/bash
# On the machine with the GPU: runs the CUDA tests and measures skipzoo beside
# PyTorch, in parts of at most eight minutes each, the most wanted first. A row
# that is in RESULTS already is not measured again: what was cut short goes on.
#
#   measure.sh BUILD RESULTS [--part 1|2|3]... [--minutes 8] [--python python3]
#              [--cifar FOLDER] [--rehearse]
#
# BUILD: as unpack.sh lays it out. RESULTS gets tests.txt, rows.jsonl, table.md
# and profile.txt. --cifar: cifar-10-batches-bin, for the last row. --rehearse:
# the same on the CPU with tiny batches and PyTorch eager alone, to see that the
# script works; its figures say nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit 1
mkdir -p "$2"
results=$(cd "$2" && pwd)
shift 2
parts='' minutes=8 python=python3 cifar='' rehearse='' device=cuda
while [ $# -gt 0 ]; do
  case $1 in
    --part) parts="$parts $2"; shift ;;
    --minutes) minutes=$2; shift ;;
    --python) python=$2; shift ;;
    --cifar) cifar=$2; shift ;;
    --rehearse) rehearse=--rehearse device=cpu ;;
    *) echo "unknown: $1" >&2; exit 1 ;;
  esac
  shift
done

# Ours alone loads what came along.
skipzoo=$results/skipzoo
printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/libs exec %s/skipzoo "$@"\n' "$build" "$build" >"$skipzoo"
chmod +x "$skipzoo"

# run_tests BINARY FILTER SECONDS: what it says goes to tests.txt.
run_tests() {
  local begin=$SECONDS
  LD_LIBRARY_PATH=$build/libs timeout "$3" "$build/tests/$1" --gtest_filter="$2" \
    --gtest_brief=1 >"$results/$1.txt" 2>&1
  local status=$?
  {
    echo "== $1 $2: status $status, $((SECONDS - begin)) s (124: cut short)"
    grep -E '^\[ *(PASSED|FAILED|SKIPPED)' "$results/$1.txt" | tail -40
  } | tee -a "$results/tests.txt"
}

# measure ROW...: until the part's time is over.
measure() {
  "$python" "$here/../peers/bench_gpu.py" --out "$results" --skipzoo "$skipzoo" \
    --configs "$here/../../configs" --until "$deadline" $rehearse "$@"
}

part_1() {
  if [ -z "$rehearse" ]; then
    run_tests models_test '*Cuda*' 120
    run_tests tools_test '*Cuda*' 120
  else
    run_tests models_test 'CudaEngines.*' 60
  fi
  measure resnet50:train:bf16:256:eager,compile resnet20-a:train:bf16:128:eager,compile,reduce \
    resnet50:infer:bf16:256:eager,compile resnet50:infer:bf16:1:eager,reduce
}

part_2() {
  measure densenet121:train:bf16:256:eager,compile densenet-bc-100-12:train:bf16:64:eager,reduce \
    densenet121:infer:bf16:256:eager,compile resnet50:infer:fp16:256:eager,compile
}

part_3() {
  local batch=256 mode
  [ -z "$rehearse" ] || batch=2
  for mode in train infer; do
    echo "== resnet50 $mode b$batch bf16" >>"$results/profile.txt"
    timeout 90 "$skipzoo" benchmark -c "$here/../../configs/imagenet/resnet50.yaml" --mode $mode \
      --dtype bf16 --batch $batch --device $device --seconds 1 --profile \
      --set train.channels_last=true >>"$results/profile.txt" 2>&1
    tail -32 "$results/profile.txt"
  done
  if [ -n "$cifar" ]; then
    "$python" "$here/to_94.py" --cifar "$cifar" --skipzoo "$skipzoo" --out "$results" \
      --configs "$here/../../configs" --until "$deadline" $rehearse
  else
    echo "CIFAR-10 to 94 %: not measured, for want of --cifar FOLDER"
  fi
}

nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader 2>/dev/null
"$skipzoo" --version
for part in ${parts:-1 2 3}; do
  deadline=$(($(date +%s) + minutes * 60))
  echo "== part $part, until $(date -d "@$deadline" +%T)"
  "part_$part"
done
[ ! -f "$results/table.md" ] || cat "$results/table.md"
