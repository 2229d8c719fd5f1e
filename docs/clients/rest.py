"""Asks `ytdnn serve` or TensorFlow Serving by REST, with the standard library alone.

python docs/clients/rest.py localhost:8501 recommender_exact \
    '{"watched_video_ids": ["v1", "v2"], "k": 5}'
"""

import json
import sys
import urllib.request

SIGNATURE = "serving_required"  # takes watched_video_ids and k alone


def body(request, signature=SIGNATURE):
    """Returns what is posted for one request: every input as a batch of one."""
    inputs = {name: [value] for name, value in request.items()}
    return json.dumps({"signature_name": signature, "inputs": inputs}).encode()


def completed(request, manifest, model):
    """Returns a request with all inputs of serving_default, missing ones filled in.

    Args:
      request: Values by name.
      manifest: Content of the bundle's manifest.json.
      model: Name of the model.
    """
    fields = manifest["facts"]["models"][model]["inputs"]
    filled = {}
    for name, field in fields.items():
        missing = field["missing"]
        default = [missing] if "length" in field["shape"] else missing
        filled[name] = request.get(name) or default
    return filled


def results(text):
    """Returns (id, score) of each result, best first, of a response's text."""
    outputs = json.loads(text)["outputs"]
    size = outputs["num_results"][0]
    return list(zip(outputs["ids"][0], outputs["scores"][0], strict=True))[:size]


def ask(address, model, request, signature=SIGNATURE):
    """Returns the results of one request."""
    url = f"http://{address}/v1/models/{model}:predict"
    headers = {"Content-Type": "application/json"}
    posted = urllib.request.Request(url, body(request, signature), headers)
    with urllib.request.urlopen(posted, timeout=5) as response:
        return results(response.read())


if __name__ == "__main__":
    for video_id, score in ask(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])):
        print(video_id, score, sep="\t")
