"""libzmq's side of interop_test.go, by pyzmq.

peer.py clients ROUTER XPUB REP   talk to sockets of zsock, check what comes back
peer.py servers DIR               serve on tcp, and on ipc in DIR; endpoints to stdout
"""

import sys
import threading

import zmq
from zmq.utils.monitor import recv_monitor_message

LIMIT = 20_000  # ms that anything may take
BIG = b"x" * 3_000_000


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


if __name__ == "__main__":
    mode, args = sys.argv[1], sys.argv[2:]
    if mode == "clients":
        clients(*args)
    elif mode == "servers":
        try:
            servers(*args)
        except zmq.ContextTerminated:
            pass
