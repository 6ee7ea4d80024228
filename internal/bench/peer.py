"""A bare client of a Jupyter kernel: pyzmq and nothing above it.

Usage: peer.py CONNECTION_FILE. For each line "N CODE" on standard input it runs
CODE N times, one after the other, and prints a JSON list of nanoseconds, each from
the request's send to the arrival of its execute_result.
"""
import hashlib
import hmac
import json
import sys
import time
import uuid

import zmq

with open(sys.argv[1]) as f:
    info = json.load(f)
key = info["key"].encode()
context = zmq.Context()


def connect(kind, port):
    socket = context.socket(kind)
    socket.linger = 0
    socket.connect("%s://%s:%d" % (info["transport"], info["ip"], info[port]))
    return socket


shell = connect(zmq.DEALER, "shell_port")
iopub = connect(zmq.SUB, "iopub_port")
iopub.subscribe(b"")
session = uuid.uuid4().hex


def send(kind, content):
    header = {
        "msg_id": uuid.uuid4().hex, "session": session, "username": "bench",
        "date": "2026-01-01T00:00:00Z", "msg_type": kind, "version": "5.3",
    }
    parts = [json.dumps(p).encode() for p in (header, {}, {}, content)]
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        mac.update(part)
    shell.send_multipart([b"<IDS|MSG>", mac.hexdigest().encode()] + parts)
    return header["msg_id"]


def receive(socket):
    frames = socket.recv_multipart()
    at = frames.index(b"<IDS|MSG>")
    return [json.loads(f) for f in frames[at + 2:at + 6]]


def until(socket, kind, parent):
    while True:
        header, of, _, content = receive(socket)
        if header["msg_type"] == kind and of.get("msg_id") == parent:
            return content


def run(code):
    content = {
        "code": code, "silent": False, "store_history": True,
        "user_expressions": {}, "allow_stdin": False, "stop_on_error": True,
    }
    start = time.perf_counter_ns()
    request = send("execute_request", content)
    until(iopub, "execute_result", request)
    took = time.perf_counter_ns() - start
    until(shell, "execute_reply", request)
    while until(iopub, "status", request)["execution_state"] != "idle":
        pass
    return took


# A reply on shell does not mean that the subscription has arrived.
while True:
    request = send("kernel_info_request", {})
    until(shell, "kernel_info_reply", request)
    if iopub.poll(50):
        break

print("ready", flush=True)
for line in sys.stdin:
    count, code = line.rstrip("\n").split(" ", 1)
    print(json.dumps([run(code) for _ in range(int(count))]), flush=True)
