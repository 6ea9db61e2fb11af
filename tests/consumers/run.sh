#!/bin/sh
# What users do with skipzoo, from an installed copy in a folder of its own:
# programs that are built against it, and files that it exports.
#   run.sh BUILD CMAKE LIBTORCH PYTHON
# In the environment: CMAKE_GENERATOR, MAKE_PROGRAM and CXX, to build with.
set -eu
build=$1 cmake=$2 libtorch=$3 python=$4
consumers=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset LD_LIBRARY_PATH || true
cd "$work"

echo '== install, and move what was installed'
"$cmake" --install "$build" --prefix "$work/first" >install.log
mv first skipzoo
skipzoo=$work/skipzoo/bin/skipzoo
"$skipzoo" --version

echo '== train and export with it'
"$skipzoo" train -c skipzoo/share/skipzoo/configs/cifar10/resnet20.yaml -o run \
  --set data.dataset=synthetic --set data.synthetic_images=128 --set train.epochs=1 \
  --set 'train.schedule={name: constant}' 2>train.log
"$skipzoo" export run --format torchscript --normalize uint8 --softmax -o seen.pt
for format in torchscript:pt pth:pth safetensors:safetensors onnx:onnx; do
  "$skipzoo" export run --format "${format%:*}" -o "net.${format#*:}"
done
"$skipzoo" inspect net.pth | grep 'share/skipzoo/configs/cifar10/resnet20.yaml'

build_and_run() {
  name=$1
  shift
  echo "== $name"
  "$cmake" -S "$consumers/$name" -B "$name" -DCMAKE_BUILD_TYPE=Release \
    ${MAKE_PROGRAM:+"-DCMAKE_MAKE_PROGRAM=$MAKE_PROGRAM"} \
    -DCMAKE_PREFIX_PATH="$work/skipzoo;$libtorch" >"$name.log" 2>&1 ||
    { cat "$name.log"; return 1; }
  "$cmake" --build "$name" >>"$name.log" 2>&1 || { cat "$name.log"; return 1; }
  "$name/$name" "$@"
}
build_and_run train
echo '== train, with another copy of that LibTorch'
mkdir other
ln -s "$libtorch"/* other
"$cmake" -S "$consumers/train" -B other/build ${MAKE_PROGRAM:+"-DCMAKE_MAKE_PROGRAM=$MAKE_PROGRAM"} \
  -DCMAKE_PREFIX_PATH="$work/skipzoo;$work/other" >other.log 2>&1 &&
  grep -F " in $work/other," other.log || { cat other.log; exit 1; }
"$skipzoo" evaluate resnet20.pth -c skipzoo/share/skipzoo/configs/cifar10/resnet20.yaml \
  --set data.dataset=synthetic --set data.synthetic_images=10 | head -1
pictures=$consumers/../goldens/pictures
build_and_run predict run "$pictures/rgb.jpg" "$pictures/rgb.jpg" | tee seen
build_and_run predict net.pt "$pictures/rgb.jpg" >>seen
test "$(grep -c 'rgb.jpg: .* %' seen)" = 3
mkdir frames_seen
cp "$pictures/rgb.jpg" frames_seen/1.jpg
cp "$pictures/rgb.jpg" frames_seen/2.jpg
build_and_run frames run frames_seen | tee frames.txt
# What the files' own prediction says, to the digits that are printed.
said=$(sed -n '1s/.*jpg: //p' seen)
test "$(grep -cF "$said, in " frames.txt)" = 2
if [ -e "$libtorch/lib/libtorch_cuda.so" ]; then
  echo '== load_torchscript: left out, find_package(Torch) of a CUDA LibTorch demands its toolkit'
else
  build_and_run load_torchscript seen.pt
fi

echo '== load_exports.py'
if [ -n "$python" ] && "$python" -c 'import torch' 2>/dev/null; then
  "$python" "$consumers/load_exports.py" .
else
  echo 'left out: no Python with torch here'
fi
