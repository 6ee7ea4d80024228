"""libzmq's side of interop_test.go and bench_test.go, by pyzmq.

peer.py clients ROUTER XPUB REP   talk to sockets of zsock, check what comes back
peer.py servers DIR               serve on tcp, and on ipc in DIR; endpoints to stdout
peer.py roundtrip N               seconds for N round trips DEALER to ROUTER and back
peer.py publish N                 seconds for N messages from XPUB to SUB
"""

import multiprocessing
import sys
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

LIMIT = 20_000  # ms that anything may take
BIG = b"x" * 3_000_000
MESSAGE = [b"<IDS|MSG>", b"s" * 64, b"h" * 200, b"p" * 200, b"{}", b"c" * 100]


def socket(kind, **options):
    s = zmq.Context.instance().socket(kind)
    s.linger, s.rcvtimeo, s.sndtimeo = 2000, LIMIT, LIMIT
    s.sndhwm = s.rcvhwm = 0
    for name, value in options.items():
        setattr(s, name, value)
    return s


def check(got, want):
    assert got == want, f"got {str(got)[:200]}, want {str(want)[:200]}"


def clients(router, xpub, rep):
    dealer = socket(zmq.DEALER, identity=b"py", heartbeat_ivl=50, heartbeat_timeout=500)
    monitor = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    dealer.connect(router)
    nameless = socket(zmq.DEALER)
    nameless.connect(router)
    req = socket(zmq.REQ)
    req.connect(rep)
    sub = socket(zmq.SUB)
    sub.connect(xpub)

    for message in [[b"hello"], [b"", b"a", b""], [b"big", BIG, b"y" * 255, b"z" * 256]]:
        dealer.send_multipart(message)
        check(dealer.recv_multipart(), [b"py"] + message)
        nameless.send_multipart(message)
        made = nameless.recv_multipart()
        check((len(made[0]), made[0][:1], made[1:]), (5, b"\0", message))
        req.send_multipart(message)
        check(req.recv_multipart(), message)

    sub.subscribe("a.")
    check(sub.recv_multipart(), [b"a.", b"welcome"])
    sub.subscribe("b")
    check(sub.recv_multipart(), [b"b", b"welcome"])
    sub.unsubscribe("a.")
    # Another subscriber to "a." has its welcome; this one must not see it.
    other = socket(zmq.SUB)
    other.connect(xpub)
    other.subscribe("a.")
    check(other.recv_multipart(), [b"a.", b"welcome"])
    sub.subscribe("c")
    check(sub.recv_multipart(), [b"c", b"welcome"])

    # Heartbeats that nobody answers would have ended the connection by now.
    if monitor.poll(800):
        sys.exit(f"connection lost: {recv_monitor_message(monitor)}")


def servers(directory):
    poller = zmq.Poller()
    for transport in "tcp", "ipc":
        for kind, name in (zmq.ROUTER, "router"), (zmq.XPUB, "xpub"), (zmq.REP, "rep"):
            s = socket(kind)
            s.bind("tcp://127.0.0.1:*" if transport == "tcp" else f"ipc://{directory}/{name}")
            poller.register(s, zmq.POLLIN)
            print(s.last_endpoint.decode(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), zmq.Context.instance().term()), daemon=True).start()
    while True:
        for s, _ in poller.poll():
            message = s.recv_multipart()
            if s.type == zmq.ROUTER:
                # The identity is shown to the client as a frame of the echo.
                s.send_multipart([message[0]] + message)
            elif s.type == zmq.XPUB and message[0][:1] == b"\1":
                s.send_multipart([message[0][1:], b"welcome"])
            elif s.type == zmq.REP:
                s.send_multipart(message)


def echo(endpoints, n):
    router = socket(zmq.ROUTER)
    endpoints.put(f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}")
    for _ in range(n):
        router.send_multipart(router.recv_multipart())


def publish_from(endpoints, n):
    xpub = socket(zmq.XPUB)
    endpoints.put(f"tcp://127.0.0.1:{xpub.bind_to_random_port('tcp://127.0.0.1')}")
    check(xpub.recv(), b"\1")
    for _ in range(n):
        xpub.send_multipart(MESSAGE)


def measure(serve, n):
    endpoints = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(endpoints, n), daemon=True)
    server.start()
    endpoint = endpoints.get(timeout=20)
    if serve is echo:
        dealer = socket(zmq.DEALER)
        dealer.connect(endpoint)
        start = time.perf_counter()
        for _ in range(n):
            dealer.send_multipart(MESSAGE)
            dealer.recv_multipart()
    else:
        sub = socket(zmq.SUB)
        sub.connect(endpoint)
        start = time.perf_counter()
        sub.subscribe("")
        for _ in range(n):
            sub.recv_multipart()
    print(time.perf_counter() - start)
    server.join()


if __name__ == "__main__":
    mode, args = sys.argv[1], sys.argv[2:]
    if mode == "clients":
        clients(*args)
    elif mode == "servers":
        try:
            servers(*args)
        except zmq.ContextTerminated:
            pass
    elif mode == "roundtrip":
        measure(echo, int(args[0]))
    elif mode == "publish":
        measure(publish_from, int(args[0]))
