"""Clients of a Jupyter kernel that reval is measured beside.

Usage: peer.py pyzmq|jupyter_client. The protocol is that of package child: a request
a line on standard input, an answer a line on standard output. Times are nanoseconds,
each from the call until the execute_result or the reply has arrived.
"""
import hashlib
import hmac
import json
import queue
import resource
import sys
import time
import uuid

import zmq

LIMIT = 120  # seconds that anything may take


class Bare:
    """pyzmq and nothing above it."""

    def __init__(self, file):
        with open(file) as f:
            info = json.load(f)
        self.key = info["key"].encode()
        self.context = zmq.Context()
        self.session = uuid.uuid4().hex

        def connect(kind, port):
            socket = self.context.socket(kind)
            socket.linger = 0
            socket.rcvtimeo = LIMIT * 1000
            before_port = "-" if info["transport"] == "ipc" else ":"
            socket.connect("%s://%s%s%d" % (info["transport"], info["ip"], before_port, info[port]))
            return socket

        self.shell = connect(zmq.DEALER, "shell_port")
        self.iopub = connect(zmq.SUB, "iopub_port")
        self.iopub.subscribe(b"")
        # A reply on shell does not mean that the subscription has arrived.
        while True:
            self.reply("kernel_info", {})
            if self.iopub.poll(50):
                break

    def close(self):
        self.shell.close()
        self.iopub.close()
        self.context.term()

    def send(self, kind, content):
        header = {
            "msg_id": uuid.uuid4().hex, "session": self.session, "username": "bench",
            "date": "2026-01-01T00:00:00Z", "msg_type": kind, "version": "5.3",
        }
        parts = [json.dumps(p).encode() for p in (header, {}, {}, content)]
        mac = hmac.new(self.key, digestmod=hashlib.sha256)
        for part in parts:
            mac.update(part)
        self.shell.send_multipart([b"<IDS|MSG>", mac.hexdigest().encode()] + parts)
        return header["msg_id"]

    @staticmethod
    def until(socket, kind, parent):
        while True:
            frames = socket.recv_multipart()
            at = frames.index(b"<IDS|MSG>")
            header, of, _, content = [json.loads(f) for f in frames[at + 2:at + 6]]
            if header["msg_type"] == kind and of.get("msg_id") == parent:
                return content

    def reply(self, kind, content):
        return self.until(self.shell, kind + "_reply", self.send(kind + "_request", content))

    def execute(self, code):
        start = time.perf_counter_ns()
        request = self.send_execute(code)
        self.until(self.iopub, "execute_result", request)
        took = time.perf_counter_ns() - start
        self.ended(request)
        return took

    def send_execute(self, code):
        return self.send("execute_request", {
            "code": code, "silent": False, "store_history": True,
            "user_expressions": {}, "allow_stdin": False, "stop_on_error": True,
        })

    def ended(self, request):
        self.until(self.shell, "execute_reply", request)
        while self.until(self.iopub, "status", request)["execution_state"] != "idle":
            pass

    def flood(self, code):
        start = time.perf_counter_ns()
        self.ended(self.send_execute(code))
        return {"took": time.perf_counter_ns() - start}

    def queue(self, code, n):
        """Requests n executions at once, and waits for the last value."""
        start = time.perf_counter_ns()
        requests = [self.send_execute(code) for _ in range(n)]
        self.until(self.iopub, "execute_result", requests[-1])
        took = time.perf_counter_ns() - start
        self.ended(requests[-1])
        return took

    def complete(self, code):
        start = time.perf_counter_ns()
        content = self.reply("complete", {"code": code, "cursor_pos": len(code)})
        took = time.perf_counter_ns() - start
        assert content["matches"]
        return took

    def inspect(self, code):
        start = time.perf_counter_ns()
        content = self.reply("inspect", {"code": code, "cursor_pos": len(code), "detail_level": 0})
        took = time.perf_counter_ns() - start
        assert content["found"]
        return took


class JupyterClient:
    """jupyter_client's blocking client."""

    def __init__(self, file):
        from jupyter_client import BlockingKernelClient

        self.client = BlockingKernelClient(connection_file=file)
        self.client.load_connection_file()
        self.client.start_channels(stdin=False, hb=False)  # as Bare: shell and iopub
        while True:
            self.client.kernel_info(reply=True, timeout=LIMIT)
            try:
                self.client.get_iopub_msg(timeout=0.05)
                break
            except queue.Empty:
                pass

    def close(self):
        self.client.stop_channels()
        self.client.context.destroy(linger=0)

    def published(self, request):
        """What the execution publishes, until it says idle."""
        while True:
            message = self.client.get_iopub_msg(timeout=LIMIT)
            if message["parent_header"].get("msg_id") != request:
                continue
            yield message
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return

    def replied(self, request):
        while self.client.get_shell_msg(timeout=LIMIT)["parent_header"].get("msg_id") != request:
            pass

    def execute(self, code):
        start = time.perf_counter_ns()
        request = self.client.execute(code, allow_stdin=False)
        for message in self.published(request):
            if message["msg_type"] == "execute_result":
                took = time.perf_counter_ns() - start
        self.replied(request)
        return took

    def complete(self, code):
        start = time.perf_counter_ns()
        message = self.client.complete(code, len(code), reply=True, timeout=LIMIT)
        took = time.perf_counter_ns() - start
        assert message["content"]["matches"]
        return took

    def inspect(self, code):
        start = time.perf_counter_ns()
        message = self.client.inspect(code, len(code), reply=True, timeout=LIMIT)
        took = time.perf_counter_ns() - start
        assert message["content"]["found"]
        return took

    def flood(self, code):
        start = time.perf_counter_ns()
        request = self.client.execute(code, allow_stdin=False)
        messages = sum(message["msg_type"] == "stream" for message in self.published(request))
        self.replied(request)
        return {"messages": messages, "took": time.perf_counter_ns() - start}


def usage():
    used = resource.getrusage(resource.RUSAGE_SELF)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu": int((used.ru_utime + used.ru_stime) * 1e9), "peak": used.ru_maxrss * unit}


def main(kind):
    client = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request["do"]
        answer = True
        if do == "usage":
            answer = usage()
        elif do == "attach":
            client = kind(request["file"])
        elif do == "detach":
            client.close()
        elif do == "flood":
            answer = client.flood(request["code"])
        elif do == "queue":
            answer = client.queue(request["code"], request["n"])
        else:
            for _ in range(request.get("warm_up", 0)):
                getattr(client, do)(request["code"])
            answer = [getattr(client, do)(request["code"]) for _ in range(request["n"])]
        print(json.dumps(answer), flush=True)


main({"pyzmq": Bare, "jupyter_client": JupyterClient}[sys.argv[1]])
