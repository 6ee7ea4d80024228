;;; reval-expression-test.el --- Tests of the expression before point  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; They need no server; see run.el.

;;; Code:

(require 'ert)
(require 'reval)

(defun reval-test-expressions (mode cases)
  "Check the expression at the ¦ of CASES, pairs of text and expression, in MODE."
  (with-temp-buffer
    (funcall mode)
    (pcase-dolist (`(,text ,expression) cases)
      (erase-buffer)
      (insert text)
      (search-backward "¦")
      (delete-char 1)
      (pcase-let ((`(,beg . ,end) (reval-expression-bounds)))
        (should (equal (list text (buffer-substring-no-properties beg end))
                       (list text expression)))))))

(ert-deftest reval-test-expression-python ()
  "The expression before point is a whole operand."
  (reval-test-expressions
   #'python-mode
   '(("x = foo¦" "foo") ("y = a.b[1].c(2, 3)¦" "a.b[1].c(2, 3)")
     ("print(größe)¦" "print(größe)") ("z = (1 + 2)¦" "(1 + 2)")
     ("w = [1, 2]¦" "[1, 2]") ("s = 'a b'¦" "'a b'") ("n = 42¦" "42")
     ("f'{x}'¦" "f'{x}'") ("@foo¦" "foo")
     ("', '.join('ab')¦" "', '.join('ab')") ("x = \"a\".upper()¦" "\"a\".upper()")
     ("\"\"\"x\"\"\".split()¦" "\"\"\"x\"\"\".split()")
     ("y = '''a 'b'\nc'''.split('|')¦" "'''a 'b'\nc'''.split('|')")
     ("rb'x'.hex()¦" "rb'x'.hex()")
     ("await co()¦" "await co()") ("x = await a.b()¦" "await a.b()")
     ("awaited()¦" "awaited()") ("f(await co())¦" "f(await co())")
     ("f() # note¦" "f()") ("f()  # it's (¦" "f()") ("f()\n# note\n¦" "f()")
     ("f() # no¦te" "f()")
     ("f();¦" "f()") ("[g(x),¦]" "g(x)") ("if f(x):¦" "f(x)")
     ("(df\n .groupby('x')  # by\n .sum()¦)" "df\n .groupby('x')  # by\n .sum()")
     ("[1, 2][0].real¦" "[1, 2][0].real") ("{'a': 1}['a']¦" "{'a': 1}['a']")
     ("x[1::2¦]" "2") ("a @ b¦" "b")
     ("1e-5¦" "1e-5") ("x = .5¦" ".5") ("3.25¦" "3.25") ("0x1F¦" "0x1F")
     ("1_000.5e+3j¦" "1_000.5e+3j") ("x1e-5¦" "5") ("20 - 1¦" "1") ("20-1¦" "1")
     ("x = -1¦" "-1") ("f(-x.y)¦" "f(-x.y)") ("(-x.y¦" "-x.y") ("2 ** -1¦" "-1")
     ("f(*args¦)" "args") ("return -x¦" "-x") ("in (1, 2)¦" "(1, 2)")
     ("x if y else -z¦" "-z") ("-x.f(1)¦" "-x.f(1)"))))

(ert-deftest reval-test-expression-elsewhere ()
  "What belongs to an operand is the language's."
  (reval-test-expressions
   #'js-mode
   '(("let x = new Map([[1, 2]])¦" "new Map([[1, 2]])") ("await f(1)¦;" "await f(1)")
     ("a?.b.c()¦" "a?.b.c()") ("`a ${b}`.length¦" "`a ${b}`.length") ("!ok¦" "!ok")
     ("[1, 2]\n  .map(f) // note\n  .length¦" "[1, 2]\n  .map(f) // note\n  .length")
     ("/a(b/.test(x)¦" "/a(b/.test(x)") ("f(); // note¦" "f()") ("$x.y¦" "$x.y")))
  (let ((reval-language-ids '((prog-mode . "r"))))
    (reval-test-expressions
     #'prog-mode
     '(("df$x[[1]]¦" "df$x[[1]]") ("stats::sd(x)¦" "stats::sd(x)") ("base:::f(x)¦" "base:::f(x)")
       ("read.csv(x)¦" "read.csv(x)") ("obj@slot¦" "obj@slot") ("x <-1¦" "1") ("x <- -1¦" "-1")
       ("y <- mtcars |>\n  head(2)¦" "mtcars |>\n  head(2)"))))
  (let ((reval-language-ids '((prog-mode . "go"))))
    (reval-test-expressions
     #'prog-mode
     '(("x := []int{1, 2}¦" "[]int{1, 2}")
       ("x := map[string]int{\"a\": 1}¦" "map[string]int{\"a\": 1}")
       ("p := &T{1}¦" "&T{1}") ("fmt.Sprint(x)¦" "fmt.Sprint(x)") ("<-ch¦" "<-ch")
       ("v := <-ch¦" "<-ch") ("a.\n\tB()¦" "a.\n\tB()"))))
  (let ((reval-language-ids '((prog-mode . "julia"))))
    (reval-test-expressions
     #'prog-mode
     '(("Dict{Int,Int}(1 => 2)¦" "Dict{Int,Int}(1 => 2)") ("f.(x)¦" "f.(x)")
       ("Base.sum(x)¦" "Base.sum(x)"))))
  (reval-test-expressions
   #'scheme-mode '(("(f (g 1))¦" "(f (g 1))") ("(f 'a¦)" "'a") ("(f 1) ; note¦" "(f 1)"))))

(ert-deftest reval-test-expression-none ()
  "Where nothing is before point, that is said."
  (with-temp-buffer
    (python-mode)
    (dolist (text '("" "  # note" "f("))
      (erase-buffer)
      (insert text)
      (should-error (reval-expression-bounds) :type 'user-error))))

(ert-deftest reval-test-expression-evil ()
  "In evil's normal state the cursor is on the last character."
  (with-temp-buffer
    (python-mode)
    (insert "x = f(1)\ny\n")
    (goto-char (point-min))
    (search-forward "1")
    (dolist (case '((normal "f(1)") (motion "f(1)") (insert "1")))
      (cl-progv '(evil-local-mode evil-state evil-move-beyond-eol) (list t (car case) nil)
        (pcase-let ((`(,beg . ,end) (reval-expression-bounds)))
          (should (equal (buffer-substring-no-properties beg end) (cadr case))))))))

;;; reval-expression-test.el ends here
