"""Prints, as a JSON list, how jupyter_client would start the kernels of the
kernelspec folders below the first argument, in the order of their names, with the
connection file that is the second, from the environment that it has itself and the
JSON object on standard input."""

import json
import os
import sys

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

folder, connection_file = sys.argv[1:]
os.environ.update(json.load(sys.stdin))
started = []
for name in sorted(os.listdir(folder)):
    specs = KernelSpecManager(kernel_dirs=[folder], ensure_native_kernel=False)
    manager = KernelManager(kernel_name=name, kernel_spec_manager=specs, connection_file=connection_file)
    argv, more = manager.pre_start_kernel()
    started.append({
        "argv": argv, "env": more["env"], "metadata": manager.kernel_spec.metadata,
        "interrupt_mode": manager.kernel_spec.interrupt_mode,
        "kernel_protocol_version": manager.kernel_spec.kernel_protocol_version,
    })
    manager.cleanup_connection_file()
json.dump(started, sys.stdout)
