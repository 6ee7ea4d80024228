#!/usr/bin/env python3
"""A client after docs/protocol.md: evaluates FILE and shows what came of each cell.

usage: client.py FILE SERVER [ARGUMENT...], for example client.py cells.go reval lsp
"""
import json, pathlib, subprocess, sys

path = pathlib.Path(sys.argv[1]).resolve()
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sent = 0  # requests


def send(method, params, **more):
    body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    server.stdin.flush()


def receive():
    size = 0
    while line := server.stdout.readline().strip():
        name, value = line.split(b":")
        size = int(value) if name.lower() == b"content-length" else size
    return json.loads(server.stdout.read(size))


def request(method, params):
    global sent
    sent += 1
    send(method, params, id=sent)
    while (message := receive()).get("id") != sent or "method" in message:
        take(message)
    return message["result"] if "result" in message else sys.exit(message["error"]["message"])


outputs, states = {}, {}  # by evaluation; outputs by index


def take(message):
    method, p = message.get("method"), message.get("params")
    if method == "reval/output":
        shown = outputs.setdefault(p["evaluation"], {})
        for new in p["outputs"]:
            i, old = new["index"], shown.get(new["index"])
            if new["kind"] == "clear":
                outputs[p["evaluation"]] = shown = {j: o for j, o in shown.items() if j >= i}
            else:
                if old and new["kind"] == "stream":
                    new["text"] = old["text"][: len(old["text"]) - new.get("back", 0)] + new["text"]
                shown[i] = new
    elif method == "reval/evaluation":
        states[p["evaluation"]] = p
    elif method == "reval/inputRequest" and not p.get("cancelled"):
        send("reval/inputReply", {"request": p["request"], "value": input(p["prompt"])})


request("initialize", {"processId": None, "rootUri": None, "capabilities": {"experimental": {"reval": {}}}})
send("initialized", {})
document = {"uri": path.as_uri(), "languageId": path.suffix[1:], "version": 1, "text": path.read_text("utf-8")}
send("textDocument/didOpen", {"textDocument": document})
answer = request("workspace/executeCommand", {"command": "reval.evaluate", "arguments": [{"uri": document["uri"], "unit": "file"}]})
evaluations = [e["evaluation"] for e in answer.get("evaluations", [answer])]
while any(states.get(e, {}).get("state", "queued") in ("queued", "running") for e in evaluations):
    take(receive())
for s in (states[e] for e in evaluations):
    said = s.get("summary", {}).get("text") or s.get("error", {}).get("name") or s.get("message", "")
    print(f"line {s['range']['start']['line'] + 1}: {s['state']} {said}".rstrip())
    for _, output in sorted(outputs.get(s["evaluation"], {}).items()):
        print("  " + output["text"].rstrip("\n").replace("\n", "\n  "))
request("shutdown", None)
send("exit", None)
