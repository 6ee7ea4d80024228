"""For each line of stdin, a JSON string that is a program: one line of JSON with its
syntax tree's hash as "tree", and as "statements" that of each of its lines as [start, end],
counted from 0; null if it is no program.

The statement of a line is the innermost that covers it and starts its line; an "elif"
belongs to its "if", what shares a line is one statement."""

import ast
import hashlib
import io
import json
import sys
import tokenize
import warnings

warnings.simplefilter("ignore")


def statements(tree, lines):
    """The statements that start a line, the outer ones first, as [start, end]."""
    found = []

    def visit(node):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                first = min([child.lineno] + [d.lineno for d in getattr(child, "decorator_list", [])])
                found.append((first - 1, child.end_lineno - 1, child))
            visit(child)

    visit(tree)
    by_line = {}
    for first, last, node in found:
        text = lines[first]
        indent = len(text.encode()) - len(text.lstrip().encode())
        column = indent if first != node.lineno - 1 else node.col_offset
        if column == indent and not (isinstance(node, ast.If) and text.lstrip().startswith("elif")):
            by_line[first] = [first, last]
        elif first in by_line:  # it shares the line
            by_line[first][1] = max(by_line[first][1], last)
    return sorted(by_line.values())


def per_line(source):
    tree = ast.parse(source)
    lines = source.split("\n")
    blank = [not line.strip() or line.lstrip().startswith("#") for line in lines]
    inside = set()
    start = None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NEWLINE, tokenize.ENDMARKER):
            if start is not None:
                inside.update(range(start, token.start[0]))
            start = None
        elif start is None and token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT):
            start = token.start[0]
    for node in ast.walk(tree):
        if getattr(node, "decorator_list", []):
            inside.update(range(node.decorator_list[0].lineno - 1, node.lineno - 1))
    answer = [[i, i] for i in range(len(lines))]
    for first, last in statements(tree, lines):
        for i in range(first, last + 1):
            if not blank[i] or i in inside:
                answer[i] = [first, last]
    body = tree.body
    if source.startswith("if 1:\n"):  # a block
        body = body[0].body
    dump = "".join(ast.dump(node) for node in body)
    return {"statements": answer, "tree": hashlib.sha256(dump.encode()).hexdigest()}


for line in sys.stdin:
    try:
        answer = per_line(json.loads(line))
    except (SyntaxError, ValueError, RecursionError):
        answer = None
    print(json.dumps(answer), flush=True)
