#!/bin/sh
# From a fresh clone to a trained network: installs what is missing, builds, and
# trains a ResNet-20 on the handwritten digits that come with the project.
set -eu
. "$(dirname "$(readlink -f "$0")")/setup.sh"
read_options 'Installs what is missing, builds, and trains a ResNet-20 on handwritten digits.' "$@"
cd "$(dirname "$(readlink -f "$0")")/.."

set_up OFF skipzoo
step 'train a ResNet-20 on the digits' \
  build/skipzoo train -c configs/digits/resnet20.yaml

cat <<END

Try next, in $PWD:
END
cat <<'END'
  build/skipzoo evaluate "$(ls -td runs/resnet20-*/ | head -n 1)best.skz"
  build/skipzoo train -c configs/digits/densenet.yaml
  build/skipzoo train -c configs/digits/resnet20.yaml --set train.epochs=40
  build/skipzoo describe -c configs/imagenet/resnet50.yaml
END
