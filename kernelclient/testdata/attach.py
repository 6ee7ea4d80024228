"""Attaches jupyter_client to the kernel of a connection file, and prints what the
code, the second argument, prints there."""

import sys

from jupyter_client import BlockingKernelClient

client = BlockingKernelClient()
client.load_connection_file(sys.argv[1])
client.start_channels()
client.wait_for_ready(timeout=30)


def show(message):
    if message["msg_type"] == "stream":
        sys.stdout.write(message["content"]["text"])


client.execute_interactive(sys.argv[2], timeout=30, output_hook=show)
if not client.is_alive():  # the heartbeat
    sys.exit("no heartbeat")
client.stop_channels()
