"""The suite by which Jupyter's own kernels are tested; usage: kernel_suite.py KERNEL."""

import sys
import unittest

from jupyter_kernel_test import IopubWelcomeTests, KernelTests

kernel = sys.argv.pop(1)


class Kernel(KernelTests):
    kernel_name = kernel
    language_name = "go"
    file_extension = ".go"
    code_hello_world = 'import "fmt"\nfmt.Println("hello, world")'
    code_stderr = 'import ("fmt"; "os")\nfmt.Fprintln(os.Stderr, "oh")'
    completion_samples = [
        {"text": "import \"container/", "matches": {"container/heap", "container/list", "container/ring"}},
        {"text": "stri", "matches": {"string", "strings"}},
        {"text": "%timei", "matches": {"timeit"}},
    ]
    complete_code_samples = ["x := 1", "func f() {\n\treturn\n}", "%time 1+1", "!ls", ""]
    incomplete_code_samples = ["func f() {", "x := 1 +", "s := `a", "%%bash\nls"]
    invalid_code_samples = ["x := )", "x y z"]
    code_page_something = "strings?\n"
    code_generate_error = 'panic("no")'
    code_execute_result = [
        {"code": "6*7", "result": "42"},
        {"code": '"a" + "b"', "result": '"ab"'},
        {"code": 'reval.HTML("<b>1</b>")', "result": "<b>1</b>", "mime": "text/html"},
        {"code": "[]struct{ A, B int }{{1, 2}}", "mime": "text/html"},
    ]
    code_display_data = [
        {"code": 'import "image"\nreval.Display(image.NewGray(image.Rect(0, 0, 2, 2)))', "mime": "image/png"},
        {"code": 'reval.Display(reval.SVG("<svg/>"))', "mime": "image/svg+xml"},
        {"code": 'reval.Display(reval.Markdown("*a*"))', "mime": "text/markdown"},
        {"code": 'reval.Display(reval.LaTeX("$x$"))', "mime": "text/latex"},
        {"code": 'reval.Display(reval.JSON{[]int{1}})', "mime": "application/json"},
        {"code": "reval.Display(map[string]struct{ A int }{\"x\": {1}})", "mime": "text/html"},
    ]
    code_history_pattern = '6*[*]7'
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "len"
    code_clear_output = "reval.ClearOutput(false)"

    # The suite gives a message 0.1 s to come; a busy machine needs more.
    def execute_helper(self, *args, **kwargs):
        channel = self.kc.iopub_channel
        get_msg = channel.get_msg
        channel.get_msg = lambda timeout: get_msg(timeout=30)
        try:
            return super().execute_helper(*args, **kwargs)
        finally:
            channel.get_msg = get_msg

    # The names that the suite asks for.
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kc.execute_interactive('import "strings"', store_history=False, timeout=60)


class Welcome(IopubWelcomeTests):
    kernel_name = kernel
    support_iopub_welcome = True


del KernelTests, IopubWelcomeTests
unittest.main(verbosity=2)
