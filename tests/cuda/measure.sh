#!/bin/bash
# On the machine with the GPU: runs the CUDA tests and measures skipzoo beside
# PyTorch, in parts of at most eight minutes each, the most wanted first. A row
# that is in RESULTS already is not measured again: what was cut short goes on.
#
#   measure.sh BUILD RESULTS [--part 1|2|3]... [--minutes 8] [--python python3]
#              [--cifar FOLDER | --photos FOLDER] [--rehearse]
#
# BUILD: as unpack.sh lays it out. RESULTS gets tests.txt, rows.jsonl, table.md
# and profile.txt. --cifar: cifar-10-batches-bin, for the last row; --photos: the
# same as class folders of JPEG files (train/CLASS, test/CLASS). --rehearse: all
# this on the CPU with tiny batches and PyTorch eager alone, to see that the
# script works; its figures say nothing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit 1
mkdir -p "$2"
results=$(cd "$2" && pwd)
shift 2
parts='' minutes=8 python=python3 rehearse='' device=cuda
cifar=()
while [ $# -gt 0 ]; do
  case $1 in
    --part) parts="$parts $2"; shift ;;
    --minutes) minutes=$2; shift ;;
    --python) python=$2; shift ;;
    --cifar | --photos) cifar=("$1" "$(cd "$2" && pwd)"); shift ;;
    --rehearse) rehearse=--rehearse device=cpu ;;
    *) echo "unknown: $1" >&2; exit 1 ;;
  esac
  shift
done

# Ours alone loads what came along.
skipzoo=$results/skipzoo
printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/libs exec %s/skipzoo "$@"\n' "$build" "$build" >"$skipzoo"
chmod +x "$skipzoo"

# run_tests BINARY FILTER SECONDS SHARDS: so many at once, for most of the time
# goes to processes that start. What they say is in RESULTS/BINARY.FILTER.*.txt,
# in short in tests.txt.
run_tests() {
  local begin=$SECONDS shard said
  said=$results/$1.$(echo "$2" | tr -dc A-Za-z)
  rm -f "$said."*.txt
  for shard in $(seq 0 $(($4 - 1))); do
    {
      GTEST_TOTAL_SHARDS=$4 GTEST_SHARD_INDEX=$shard LD_LIBRARY_PATH=$build/libs timeout "$3" \
        "$build/tests/$1" --gtest_filter="$2" >"$said.$shard.txt" 2>&1
      echo "== shard $shard: status $? (124: cut short)" >>"$said.$shard.txt"
    } &
  done
  wait
  {
    echo "== $1 $2: $((SECONDS - begin)) s, $(cat "$said."*.txt | grep -c '^\[ *OK') passed"
    cat "$said."*.txt | grep -E '^\[ *(FAILED|SKIPPED) *\].* \(|^== shard .* status [1-9]' | tail -40
  } | tee -a "$results/tests.txt"
}

# measure ROW...: until the part's time is over.
measure() {
  "$python" "$here/../peers/bench_gpu.py" --out "$results" --skipzoo "$skipzoo" \
    --configs "$here/../../configs" --until "$deadline" $rehearse "$@"
}

part_1() {
  if [ -z "$rehearse" ]; then
    run_tests models_test '*Cuda*' 120 4
  else
    run_tests models_test 'CudaEngines.*' 60 2
  fi
  measure resnet50:train:bf16:256:eager,compile resnet20-a:train:bf16:128:eager,compile,reduce \
    resnet50:infer:bf16:256:eager,compile resnet50:infer:bf16:1:eager,reduce
}

part_2() {
  if [ -z "$rehearse" ]; then
    run_tests tools_test 'CudaRun.*:CudaGraphRun.*' 180 12
    run_tests tools_test 'CudaFeeding.*' 60 1  # It measures time.
  fi
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
  if [ ${#cifar[@]} -gt 0 ] || [ -n "$rehearse" ]; then
    "$python" "$here/to_94.py" "${cifar[@]}" --skipzoo "$skipzoo" --out "$results" \
      --configs "$here/../../configs" --until "$deadline" $rehearse
  else
    echo "CIFAR-10 to 94 %: not measured, for want of --cifar or --photos FOLDER"
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
