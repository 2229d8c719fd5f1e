#!/bin/sh
# Starts TensorFlow Serving's stock image with every stock model of a bundle, and compares
# every signature with the library, by REST and gRPC. Needs docker or podman, and ytdnn
# with its extra tf_serving in the python that is found first:
#
#   sh docs/containers/check_tf_serving.sh runs/mine/bundle
set -eu
bundle=$(cd "${1:?expected the directory of a bundle}" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
image=${TF_SERVING_IMAGE:-tensorflow/serving:2.20.0}
engine=$(command -v docker || command -v podman) || {
  echo "expected docker or podman, found neither" >&2
  exit 1
}
place=$(mktemp -d)
name=ytdnn-check-$$
trap '"$engine" rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$place"' EXIT
python - "$bundle" > "$place/models.config" <<'PYTHON'
import json, sys
from ytdnn.bundle import tf_serving

models = json.load(open(f"{sys.argv[1]}/manifest.json"))["facts"]["models"]
print(tf_serving.models_config([n for n in models if not models[n]["needs"]]))
PYTHON
"$engine" run --detach --name "$name" \
  --publish 127.0.0.1:18500:8500 --publish 127.0.0.1:18501:8501 \
  --volume "$bundle:/bundle:ro" --volume "$place:/config:ro" "$image" \
  --model_config_file=/config/models.config >/dev/null
tries=0
until python -c 'import urllib.request as u; u.urlopen("http://127.0.0.1:18501/v1/models/user_tower")' 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ]; then
    "$engine" logs "$name" >&2
    exit 1
  fi
  sleep 1
done
python "$here/check_tf_serving.py" "$bundle" --rest=127.0.0.1:18501 --grpc=127.0.0.1:18500
