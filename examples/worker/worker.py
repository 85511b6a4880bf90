"""A Pointwork worker, in Python's standard library: counts the words of texts in the queue `words`.

    curl http://127.0.0.1:8000/api/v1/worker-tokens -H 'content-type: application/json' \
         -d '{"name": "counting", "queues": ["words"]}'
    POINTWORK_TOKEN=pwt_... python3 worker.py [http://127.0.0.1:8000]
"""
import json, os, socket, sys, threading, urllib.error, urllib.request

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False}
TYPES = [{"key": "words.count", "title": "Count words", "summary": "Counts the words of a text.", "input_schema": SCHEMA}]
NAME = f"{socket.gethostname()}-{os.getpid()}"


def call(path, body):
    headers = {"authorization": "Bearer " + os.environ["POINTWORK_TOKEN"], "content-type": "application/json"}
    request = urllib.request.Request(f"{URL}/api/v1{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=90) as answer:
        return json.loads(answer.read() or "null")


def keep_alive(lease, done):
    while not done.wait(lease["lease_ms"] / 3000):
        try:
            if call(f"/attempts/{lease['token']}/heartbeat", {"message": "counting"})["cancelled"]:
                done.set()  # long work would look at `done` and end early
        except OSError as error:
            if getattr(error, "code", 500) < 500:  # the attempt is over; else the server may be back by the next beat
                done.set()


def work(lease):
    n = len(lease["input"]["text"].split())
    return {"outcome": "succeeded", "output": {"n": n}, "logs": [{"text": f"{n} words"}]}


def until_heard(path, body):
    while True:
        try:
            return call(path, body)
        except OSError as error:
            print(path.split("/")[-1], error, file=sys.stderr)
            if getattr(error, "code", 500) < 500:  # what is refused now is refused again
                return None
            threading.Event().wait(1)


while answer := until_heard("/workers/lease", {"worker": NAME, "queues": ["words"], "types": TYPES, "max": 4}):
    for lease in answer["leases"]:
        done = threading.Event()
        threading.Thread(target=keep_alive, args=(lease, done), daemon=True).start()
        try:
            outcome = work(lease)
        except Exception as error:
            outcome = {"outcome": "failed", "error": {"message": repr(error)}}
        until_heard(f"/attempts/{lease['token']}/report", outcome)
        done.set()
