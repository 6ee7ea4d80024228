"""Evaluates a few cells by jupyter_client; usage: client.py KERNEL CONNECTION_FILE."""

import os
import subprocess
import sys

from jupyter_client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

path, _ = write_connection_file(sys.argv[2])
kernel = subprocess.Popen([sys.argv[1]], env={**os.environ, "REVAL_TEST_KERNEL": path})
client = BlockingKernelClient(connection_file=path)
client.load_connection_file()
client.start_channels()
client.hb_channel.unpause()
while True:  # no manager owns this kernel, so that wait_for_ready cannot tell that it lives
    client.kernel_info()
    try:
        if client.get_shell_msg(timeout=1)["msg_type"] == "kernel_info_reply":
            client.get_iopub_msg(timeout=1)
            break
    except Exception:
        if kernel.poll() is not None:
            sys.exit("the kernel died")


def hook(message):
    content = message["content"]
    if message["msg_type"] == "stream":
        print(content["name"], content["text"].strip())
    elif message["msg_type"] == "execute_result":
        print("input", content["data"]["text/plain"])
    elif message["msg_type"] == "error":
        print("error", content["ename"])



def run(code, **options):
    client.execute_interactive(code, output_hook=hook, timeout=20, **options)


def value(message):
    if message["msg_type"] == "execute_result":
        print("value", message["content"]["data"]["text/plain"])


client.execute_interactive("1+1", output_hook=value, timeout=20)
run('import "fmt"\nfmt.Println("hi")')
run("var n int\nfmt.Scan(&n)\nn", allow_stdin=True, stdin_hook=lambda _: client.input("12"))
run("undefinedName")
reply = client.complete("fmt.Printl", 10, reply=True, timeout=20)
print("matches", reply["content"]["matches"])
client.shutdown()
print("exit", kernel.wait(20))
client.stop_channels()
