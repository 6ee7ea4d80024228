;;; plain.el --- What a user of eglot alone sees  -*- lexical-binding: t; no-byte-compile: t -*-

;;; Commentary:

;; Emacs was started in a terminal with ../eglot/reval-eglot.el as its whole
;; configuration; the tests call what the keys call, and look at the buffers.
;; The report goes to the file REVAL_TEST_REPORT; its last line says "all N passed".

;;; Code:

(require 'ert)
(require 'flymake)
(require 'reval-eglot)

(setq eglot-sync-connect 30
      eglot-send-changes-idle-time 0.1
      eglot-autoshutdown t
      flymake-no-changes-timeout 0.1
      create-lockfiles nil
      make-backup-files nil)

;;; Waiting and looking

(defun plain-seen ()
  "Return what a failure tells of the buffer."
  (list :hints (plain-hints)
        :diagnostics (mapcar #'flymake-diagnostic-text (flymake-diagnostics))
        :output (with-current-buffer (reval-eglot--output) (buffer-string))
        :messages (with-current-buffer (messages-buffer)
                    (buffer-substring (max (point-min) (- (point-max) 500)) (point-max)))))

(defmacro plain-wait (what &rest condition)
  "Wait until CONDITION holds, and return its value; WHAT it is, is told in vain."
  (declare (indent 1))
  `(plain--wait ,what (lambda () ,@condition)))

(defun plain--wait (what condition)
  "Wait until CONDITION holds; WHAT it is, is told in vain."
  (let ((end (+ (float-time) 30)) value)
    (while (not (setq value (funcall condition)))
      (when (> (float-time) end)
        (ert-fail (format "waited in vain for %s; there is %S" what (plain-seen))))
      (sit-for 0.02))
    value))

(defun plain-idle ()
  "Do what eglot and Flymake do when Emacs becomes idle: here it always is."
  (eglot--signal-textDocument/didChange)
  (flymake-start))

(defun plain-hints ()
  "Return line number → what stands behind the line."
  (sort (mapcar (lambda (overlay)
                  (cons (line-number-at-pos (overlay-start overlay) t)
                        (string-trim (substring-no-properties (overlay-get overlay 'after-string)))))
                (seq-filter (lambda (o) (overlay-get o 'reval-eglot))
                            (overlays-in (point-min) (1+ (point-max)))))
        #'car-less-than-car))

(defun plain-wait-hint (line regexp)
  "Wait until what stands behind LINE matches REGEXP."
  (plain-wait (format "%s behind line %d" regexp line)
    (string-match-p regexp (alist-get line (plain-hints) ""))))

(defun plain-wait-diagnostic ()
  "Wait for a diagnostic and return its line and text."
  (plain-idle)
  (let ((found (plain-wait "a diagnostic" (car (flymake-diagnostics)))))
    (list (line-number-at-pos (flymake-diagnostic-beg found) t)
          (flymake-diagnostic-text found))))

(defvar plain-number 0 "How many files were visited.")

(defmacro plain-visiting (suffix lines &rest body)
  "Run BODY in a buffer of a new file with this SUFFIX and these LINES."
  (declare (indent 2))
  `(let ((buffer (find-file-noselect (format "scenario%d%s" (cl-incf plain-number) ,suffix))))
     (switch-to-buffer buffer)
     (insert (string-join ,lines "\n"))
     (goto-char (point-min))
     (save-buffer)
     (unwind-protect
         (progn
           ;; eglot takes buffers of a project that has a server by itself.
           (unless (eglot-current-server)
             (call-interactively #'eglot))
           (plain-wait "reval's keys" reval-eglot-mode)
           ,@body)
       (with-current-buffer buffer
         (set-buffer-modified-p nil)))))

(defun plain-line (n)
  "Go to the start of line N."
  (goto-char (point-min))
  (forward-line (1- n)))

;;; Scenarios

(ert-deftest plain-value-of-a-line ()
  (plain-visiting ".py" '("1+1")
    (should (equal (lookup-key reval-eglot-mode-map (kbd "C-c ; l")) #'reval-eglot-evaluate))
    (call-interactively (key-binding (kbd "C-c ; l")))
    (plain-wait-hint 1 "\\`2\\'")))

(ert-deftest plain-region-and-units ()
  (plain-visiting ".py" '("a = 20" "b = a + 1" "" "# %%" "b * 2" "# %%" "def half(n):" "    return n / 2")
    (push-mark (point) t t)
    (plain-line 3)
    (let ((transient-mark-mode t)) (reval-eglot-evaluate))
    (plain-wait-hint 2 "\\`✓")
    (plain-line 5)
    (reval-eglot-cell)
    (plain-wait-hint 5 "\\`42\\'")
    (plain-line 8)
    (reval-eglot-definition)
    (plain-wait-hint 8 "\\`✓")))

(ert-deftest plain-code-action ()
  (plain-visiting ".py" '("x = 2" "\"größe 🙂\", x")
    (plain-line 2)
    (end-of-line)
    (let* (offered
           (last-nonmenu-event t)
           (completing-read-function
            (lambda (_prompt items &rest _)
              (setq offered (mapcar #'car items))
              "Evaluate to here")))
      (call-interactively #'eglot-code-actions)
      (dolist (title '("Evaluate cell" "Evaluate definition" "Evaluate to here" "Evaluate file"))
        (should (member title offered))))
    (plain-wait-hint 2 "\\`('größe 🙂', 2)\\'")))

(ert-deftest plain-stream-in-three-parts ()
  (plain-visiting ".py" '("import time" "for i in range(3):" "    print('part', i, flush=True)" "    time.sleep(0.4)")
    (reval-eglot-buffer)
    (dotimes (i 3)
      (plain-wait (format "part %d" i)
        (with-current-buffer (reval-eglot--output)
          (string-match-p (format "part %d" i) (buffer-string))))
      (should (equal (current-message) (format "part %d" i)))
      (should-not (with-current-buffer (reval-eglot--output)
                    (string-match-p (format "part %d" (1+ i)) (buffer-string)))))
    (plain-wait-hint 4 "\\`✓")))

(ert-deftest plain-error-on-its-line ()
  (plain-visiting ".py" '("a = 1" "" "if a:" "    b = 2" "    1/0")
    (reval-eglot-buffer)
    (should (equal (plain-wait-diagnostic) '(5 "reval: ZeroDivisionError: division by zero")))
    (plain-line 5)
    (search-forward "0")
    (replace-match "1")
    (reval-eglot-buffer)
    (plain-wait "no diagnostic" (null (flymake-diagnostics)))))

(ert-deftest plain-completion-of-what-exists-only-at-run-time ()
  (plain-visiting ".py" '("from types import SimpleNamespace" "x = SimpleNamespace(foo=1)" "")
    (reval-eglot-buffer)
    (plain-wait-hint 2 "\\`✓")
    (goto-char (point-max))
    (insert "x.f")
    ;; The first answers are empty while the kernel loads what it completes with.
    (plain-wait "x.foo"
      (progn (completion-at-point)
             (equal (buffer-substring (line-beginning-position) (point)) "x.foo")))))

(ert-deftest plain-hover-shows-the-live-value ()
  (plain-visiting ".py" '("answer = 41" "answer += 1")
    (reval-eglot-buffer)
    (plain-wait-hint 2 "\\`✓")
    (goto-char (point-min))
    (let (shown)
      (should (memq #'eglot-hover-eldoc-function eldoc-documentation-functions))
      (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown text)))
      (plain-wait "a hover" shown)
      (should (string-match-p "\\_<42\\_>" shown)))))

(ert-deftest plain-endless-loop-interrupted ()
  (plain-visiting ".py" '("print('it runs', flush=True)" "while True: pass" "# %%" "3 * 3")
    (reval-eglot-cell)
    (plain-line 4)
    (reval-eglot-evaluate)
    (plain-wait "the loop to run"
      (with-current-buffer (reval-eglot--output)
        (string-match-p "^it runs$" (buffer-string))))
    (reval-eglot-interrupt)
    (plain-wait-hint 2 "\\`✗ KeyboardInterrupt")
    ;; What waited behind it was not begun.
    (reval-eglot-evaluate)
    (plain-wait-hint 4 "\\`9\\'")))

(ert-deftest plain-two-quick-evaluations-do-not-mix ()
  (plain-visiting ".py" '("import time" "print('one'); time.sleep(0.2); print('one'); 1" "print('two'); 2")
    (dotimes (i 3)
      (plain-line (1+ i))
      (reval-eglot-evaluate))
    (plain-wait-hint 3 "\\`2\\'")
    (should (equal (alist-get 2 (plain-hints)) "1"))
    (should (with-current-buffer (reval-eglot--output)
              (string-match-p "one\none\ntwo\n\\'" (buffer-string))))))

(ert-deftest plain-result-moves-and-goes-stale ()
  (plain-visiting ".py" '("6 * 7" "pass")
    (reval-eglot-evaluate)
    (plain-wait-hint 1 "\\`42\\'")
    (goto-char (point-min))
    (insert "# größe\n\n")
    (should (equal (plain-hints) '((3 . "42"))))
    (plain-line 3)
    (search-forward "7")
    (replace-match "8")
    (plain-idle)
    (plain-wait-hint 3 "\\`42 (stale)\\'")))

(ert-deftest plain-input-is-refused ()
  (plain-visiting ".py" '("1" "name = input('who? ')")
    (reval-eglot-buffer)
    (pcase-let ((`(,line ,text) (plain-wait-diagnostic)))
      (should (equal line 2))
      (should (string-match-p "\\`reval: StdinNotImplementedError" text)))
    (reval-eglot-evaluate)
    (plain-wait-hint 1 "\\`1\\'")))

(ert-deftest plain-picture-has-a-text-form ()
  (plain-visiting ".py" '("import matplotlib; matplotlib.use('agg')" "import matplotlib.pyplot as plt"
                          "f = plt.figure(figsize=(1, 1))" "f")
    (reval-eglot-buffer)
    (plain-wait-hint 4 "\\`<Figure size 100x100 with 0 Axes>\\'")
    (should-not (flymake-diagnostics))))

(ert-deftest plain-nothing-to-evaluate-is-said ()
  (plain-visiting ".py" '("" "1")
    (reval-eglot-evaluate)
    (plain-wait "the message"
      (string-match-p "line 1 is empty: there is nothing to evaluate" (or (current-message) "")))))

(define-derived-mode go-mode prog-mode "Go" "Emacs 28 has no mode for Go, but eglot knows this name.")
(add-to-list 'auto-mode-alist '("\\.go\\'" . go-mode))

(ert-deftest plain-go-kernel ()
  (plain-visiting ".go" '("x := 1" "x + 1" "" "// %%" "y" "" "// %%" "x * 10")
    (reval-eglot-cell)
    (plain-wait-hint 2 "\\`2\\'")
    (plain-line 5)
    (reval-eglot-cell)
    (should (equal (car (plain-wait-diagnostic)) 5))
    (plain-line 8)
    (reval-eglot-cell)
    (plain-wait-hint 8 "\\`10\\'")))

;;; Running

(defun plain-report (format &rest args)
  "Append a line made by FORMAT and ARGS to the report."
  (let ((coding-system-for-write 'utf-8))
    (write-region (concat (apply #'format format args) "\n") nil
                  (getenv "REVAL_TEST_REPORT") t 'silent)))

(defun plain-run ()
  "Run the tests, report each, and end Emacs."
  (let ((failed 0) (count 0))
    (dolist (test (ert-select-tests (or (getenv "REVAL_TEST_PATTERN") t) t))
      (setq count (1+ count))
      (let ((result (ert-run-test test)))
        (if (ert-test-passed-p result)
            (plain-report "ok %s" (ert-test-name test))
          (setq failed (1+ failed))
          (plain-report "FAIL %s: %S\n%s" (ert-test-name test)
                        (ert-test-result-with-condition-condition result)
                        (backtrace-to-string (ert-test-result-with-condition-backtrace result))))))
    (if (zerop failed)
        (plain-report "all %d passed" count)
      (plain-report "%d of %d failed" failed count))
    (setq confirm-kill-processes nil)
    (kill-emacs (if (zerop failed) 0 1))))

(run-with-timer 0 nil #'plain-run)

;;; plain.el ends here
