;;; reval-end-to-end-test.el --- Tests with real servers and kernels  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Each test visits files of a project of its own kind in a folder that is
;; removed at the end, and looks at what stands in the buffers.  Kernels are
;; shared by the tests, as a user's buffers share them.  See run.el.

;;; Code:

(require 'ert)
(require 'reval)

(defvar reval-test-project
  (let ((folder (make-temp-file "reval-test" t)))
    (add-hook 'kill-emacs-hook (lambda () (delete-directory folder t)))
    (file-name-as-directory (file-truename folder)))
  "The folder of the files that tests visit.")

;; A kernel loads what it completes with at the first completion, which takes
;; seconds on a machine that runs other tests, too.
(setq reval-completion-timeout 60)

(setq reval-command (list (expand-file-name (getenv "REVAL_BIN")) "lsp" "--standalone")
      reval-flash nil
      reval-input-idle-delay 0.1)

;;; Waiting and looking

(defun reval-test-wait (what predicate &optional seconds)
  "Wait until PREDICATE holds and return its value.
WHAT says what is waited for; fail after SECONDS (30)."
  (or (reval-connection-wait predicate (or seconds 30))
      (ert-fail (format "waited in vain for %s; results: %S; output: %s" what
                        (reval-test-results)
                        (ignore-errors (reval-test-output))))))

(defmacro reval-test-visiting (file text &rest body)
  "Run BODY in a buffer that visits FILE, which holds TEXT, with `reval-mode' on."
  (declare (indent 2))
  `(reval-test--visiting ,file ,text (lambda () ,@body)))

(defun reval-test--visiting (file text function)
  "Call FUNCTION in a buffer that visits FILE, which holds TEXT."
  (let ((path (expand-file-name file reval-test-project)))
    (write-region text nil path nil 'silent)
    (let ((buffer (find-file-noselect path)))
      (unwind-protect
          (save-window-excursion
            (switch-to-buffer buffer)
            (reval-mode)
            (funcall function))
        (when (buffer-live-p buffer)
          (with-current-buffer buffer
            (set-buffer-modified-p nil)
            (kill-buffer)))))))

(defun reval-test-results ()
  "Return what is shown beside the code, an alist of line number → text."
  (save-excursion
    (save-restriction
      (widen)
      (sort
       (delq nil
             (mapcar (lambda (overlay)
                       (when-let ((string (overlay-get overlay 'after-string)))
                         (cons (line-number-at-pos (overlay-end overlay))
                               (string-trim (substring-no-properties string)))))
                     (overlays-in (point-min) (1+ (point-max)))))
       (lambda (a b) (< (car a) (car b)))))))

(defun reval-test-result (line)
  "Return what is shown beside the code of LINE, or nil."
  (cdr (assq line (reval-test-results))))

(defun reval-test-failing-lines ()
  "Return the texts of the current buffer that are marked as failing."
  (delq nil (mapcar (lambda (overlay)
                      (and (eq (overlay-get overlay 'face) 'reval-failing-line)
                           (buffer-substring-no-properties (overlay-start overlay)
                                                           (overlay-end overlay))))
                    (overlays-in (point-min) (point-max)))))

(defun reval-test-shows-p (line regexp)
  "Return non-nil if what is shown beside the code of LINE for good matches REGEXP.
A value may be there before the evaluation has ended."
  (and (string-match-p regexp (or (reval-test-result line) ""))
       (cl-notany (lambda (evaluation)
                    (and (reval-evaluation-summary evaluation)
                         (not (reval-evaluation-ended-p evaluation))))
                  (save-excursion
                    (reval-test-goto-line line)
                    (reval-overlay-at (point) (point))))))

(defun reval-test-shown (line regexp &optional seconds)
  "Wait until what is shown beside the code of LINE matches REGEXP."
  (reval-test-wait (format "%s on line %d" regexp line)
                   (lambda () (reval-test-shows-p line regexp))
                   seconds))

(defun reval-test-mode-line ()
  "Return what the mode line says of the current buffer's session, with its faces."
  (cadr (reval-session-lighter-text)))

(defun reval-test-said (regexp)
  "Return the last message that matches REGEXP, or nil."
  (with-current-buffer (messages-buffer)
    (save-excursion
      (goto-char (point-max))
      (and (re-search-backward regexp nil t) (match-string 0)))))

(defun reval-test-output-buffer ()
  "Return the output buffer of the current buffer's session."
  (when-let ((session (reval-document-session (reval-document-current))))
    (reval-session-output session)))

(defun reval-test-output (&optional place)
  "Return the text of the output buffer, or what is in its block for PLACE."
  (let ((buffer (reval-test-output-buffer)))
    (if (not (buffer-live-p buffer))
        ""
      (with-current-buffer buffer
        (if (not place)
            (buffer-substring-no-properties (point-min) (point-max))
          (save-excursion
            (goto-char (point-max))
            (if (search-backward (concat place "  ") nil t)
                (let ((block (reval-output--block-at-point)))
                  (buffer-substring-no-properties (reval-output--block-body block)
                                                  (reval-output--block-end block)))
              "")))))))

(defun reval-test-goto-line (line)
  "Go to the start of LINE."
  (goto-char (point-min))
  (forward-line (1- line)))

(defun reval-test-eval-line (line)
  "Evaluate LINE."
  (reval-test-goto-line line)
  (reval-eval-line 1))

(defun reval-test-completions ()
  "Wait until the kernel completes at point, and return what does it.
The first answers are empty while it loads what it completes with."
  (reval-test-wait "completions" #'reval-completion-at-point))

(defun reval-test-kernel-idle ()
  "Wait until the kernel of the current buffer has nothing to do."
  (reval-test-wait "the kernel to be idle"
                   (lambda ()
                     (let ((session (reval-document-session (reval-document-current))))
                       (and session
                            (equal (reval-session-state session) "idle")
                            (zerop (reval-session-queued session)))))))

;;; Evaluation

(ert-deftest reval-test-value ()
  "The value of a line stands beside it; no value is a tick and a time."
  (reval-test-visiting "value.py" "1 + 1\nx = 3\n[i for i in range(x)]\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 2\\'")
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`✓ [0-9.]+ .?s\\'")
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`⇒ \\[0, 1, 2]\\'")
    (should (equal (mapcar #'car (reval-test-results)) '(1 2 3)))
    (should-not (buffer-modified-p))))

(ert-deftest reval-test-commands ()
  "Each command evaluates what its name says."
  (reval-test-visiting "commands.py"
      "# %% one\na = 1\ndef f():\n    return 5\n# %% two\nb = 2\nf() + b\n"
    (reval-test-goto-line 4)
    (reval-eval-defun)
    (reval-test-shown 4 "✓")
    (reval-test-goto-line 6)
    (reval-eval-cell)
    (reval-test-shown 7 "\\`⇒ 7\\'")
    (should-not (reval-test-result 2))
    (reval-test-goto-line 2)
    (reval-eval-to-point)
    (reval-test-shown 2 "✓")
    (reval-eval-region (progn (reval-test-goto-line 7) (point))
                       (+ (point) 3))
    (reval-test-shown 7 "\\`⇒ 5\\'")
    (reval-eval-buffer)
    (reval-test-shown 7 "\\`⇒ 7\\'")
    (should (equal (mapcar #'car (reval-test-results)) '(4 7)))
    (goto-char (point-min))
    (reval-next-cell)
    (should (= (line-number-at-pos) 5))
    (should-error (reval-next-cell) :type 'user-error)
    (reval-previous-cell)
    (should (= (line-number-at-pos) 1))
    (reval-eval-cell-and-next)
    (should (= (line-number-at-pos) 5))
    (reval-test-shown 4 "✓")
    (goto-char (point-max))
    (reval-clear t)
    (should-not (reval-test-results))))

(ert-deftest reval-test-buffer-finds-its-arguments ()
  "The buffer is evaluated as a program, with arguments if they are given."
  (reval-test-visiting "arguments.py" "import sys\nsys.argv[1:]\n"
    (cl-letf (((symbol-function 'read-string) (lambda (&rest _) "-n 'a b'"))
              (current-prefix-arg '(4)))
      (call-interactively #'reval-eval-buffer))
    (reval-test-shown 2 "\\`⇒ \\['-n', 'a b'\\]\\'")
    (reval-eval-buffer)
    (reval-test-shown 2 "\\`⇒ \\[\\]\\'")))

(ert-deftest reval-test-going-on-passes-text ()
  "Evaluating cell after cell passes those of text, and ends at the end."
  (reval-test-visiting "text.py"
      "# %% one\na = 1\n# %% [markdown]\n# words\n# %% [raw]\n# more\n# %% two\na + 1\n# %% [markdown]\n# end\n"
    (goto-char (point-min))
    (reval-eval-cell-and-next)
    (should (= (line-number-at-pos) 7))
    (reval-eval-cell-and-next)
    (reval-test-shown 8 "\\`⇒ 2\\'")
    (should (= (point) (point-max)))
    (reval-test-goto-line 4)
    (reval-eval-cell-and-next)
    (should (= (line-number-at-pos) 7))))

(ert-deftest reval-test-line-is-a-statement ()
  "The line of point is evaluated with the whole statement that it is of."
  (reval-test-visiting "line.py"
      "x = dict(\n    a=1,\n)\nfor i in range(3):\n    y = i\nelse:\n    z = 9\n"
    (reval-test-goto-line 2)
    (reval-eval-line 1)
    (reval-test-shown 3 "✓")
    (reval-test-goto-line 6)
    (reval-eval-line 1)
    (reval-test-shown 7 "✓")))

(ert-deftest reval-test-last-sexp-inserts ()
  "With a prefix argument the value is put at point."
  (reval-test-visiting "sexp.py" "y = 20 + 1\n"
    (goto-char (line-end-position))
    (reval-eval-last-sexp '(4))
    (reval-test-wait "the value in the text"
                     (lambda () (equal (buffer-string) "y = 20 + 11\n")))))

(ert-deftest reval-test-block-opens ()
  "A value of many lines is folded, opens below the code and is copied."
  (reval-test-visiting "block.py" "import numpy\nnumpy.arange(6).reshape(3, 2)\n"
    (let ((kill-ring nil))
      (reval-test-eval-line 1)
      (reval-test-eval-line 2)
      (reval-test-shown 2 "\\`⇒ array(\\[\\[0, 1], \\[\\+2 lines]\\'")
      (call-interactively #'reval-toggle-result)
      (should (string-match-p "\n.*\n *\\[2, 3],\n *\\[4, 5]])" (reval-test-result 2)))
      (call-interactively #'reval-toggle-result)
      (should-not (string-match-p "\n" (reval-test-result 2)))
      (call-interactively #'reval-copy-result)
      (should (string-match-p "\\`array(\\[\\[0, 1],\n" (car kill-ring))))))

(ert-deftest reval-test-stream-in-parts ()
  "What is printed over a second is shown as it comes."
  (reval-test-visiting "stream.py"
      "import time\nfor w in 'abc':\n    print(w, flush=True); time.sleep(0.5)\n"
    (let ((seen nil))
      (reval-eval-buffer)
      (reval-test-wait
       "three parts"
       (lambda ()
         (let ((text (reval-test-output "stream.py:1")))
           (unless (equal text (car seen)) (push text seen))
           (equal text "a\nb\nc\n"))))
      (setq seen (remove "" (reverse seen)))
      (should (equal seen '("a\n" "a\nb\n" "a\nb\nc\n")))
      (reval-test-shown 3 "✓ 1\\.[5-9] s"))))

(ert-deftest reval-test-error-on-its-line ()
  "An error is shown on the line that failed, which is marked."
  (reval-test-visiting "error.py" "def g():\n    return 1 / 0\n\nz = 1\ng()\n"
    (reval-eval-buffer)
    (reval-test-shown 2 "\\`✗ ZeroDivisionError: division by zero\\'")
    (should (equal (reval-test-failing-lines) '("return 1 / 0")))
    (let ((text (reval-test-output "error.py:1")))
      (should (string-match-p "ZeroDivisionError" text))
      (should (string-match-p "error.py" text)))
    ;; The place in the traceback is a link, which leads to where the code is now.
    (save-excursion (goto-char (point-min)) (insert "\n\n"))
    (with-current-buffer (reval-test-output-buffer)
      (goto-char (point-max))
      (search-backward "error.py:1  ")
      (goto-char (text-property-not-all (point) (point-max) 'reval-link nil))
      (push-button))
    (should (equal (buffer-name) "error.py"))
    (should (memq (line-number-at-pos) '(4 7)))
    (save-excursion (goto-char (point-min)) (delete-char 2))
    ;; The next evaluation takes the mark away.
    (reval-test-eval-line 4)
    (reval-test-shown 4 "✓")
    (reval-eval-region 1 (progn (reval-test-goto-line 3) (point)))
    (reval-test-shown 2 "✓")
    (should-not (reval-test-failing-lines))))

(ert-deftest reval-test-picture ()
  "A picture reaches the output buffer, as an image where there is a display."
  (reval-test-visiting "picture.py"
      "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n"
    (reval-eval-buffer)
    (reval-test-wait "a picture" (lambda () (string-match-p
                                             "png picture" (reval-test-output "picture.py:1")))
                     60)
    (with-current-buffer (reval-test-output-buffer)
      (goto-char (text-property-not-all (point-min) (point-max) 'reval-picture nil))
      (should (string-prefix-p
               "\211PNG" (reval-picture-bytes (get-text-property (point) 'reval-picture))))
      (let ((file (make-temp-file "reval-test" nil ".png")))
        (unwind-protect
            (cl-letf (((symbol-function #'y-or-n-p) (lambda (_) t)))
              (reval-picture-save file)
              (should (> (file-attribute-size (file-attributes file)) 1000)))
          (delete-file file)))
      (when (display-images-p)
        (pcase-let ((`((slice 0 0 ,width ,_) ,image) (get-text-property (point) 'display)))
          (should (eq (car image) 'image))
          (should (eq (plist-get (cdr image) :type) 'png))
          (should (equal width (car (image-size image t))))
          (should (> width 100)))))))

(ert-deftest reval-test-heavy-picture ()
  "A picture that would block Emacs is opened outside, when it is asked for."
  (reval-test-visiting "heavy.py"
      (concat "from IPython.display import SVG\n"
              "g = lambda i: f'<g id=\"a{i}\"><use href=\"#a{i-1}\"/><use href=\"#a{i-1}\"/></g>'\n"
              "SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><g id=\"a0\"><rect/></g>'"
              " + ''.join(map(g, range(1, 40))) + '</svg>')\n")
    (reval-eval-buffer)
    (reval-test-wait "its label"
                     (lambda () (string-match-p "\\[svg picture, drawing it takes long: RET opens"
                                                (reval-test-output "heavy.py:1")))
                     60)
    (with-current-buffer (reval-test-output-buffer)
      (goto-char (text-property-not-all (point-min) (point-max) 'reval-picture nil))
      (should-not (get-text-property (point) 'display))
      (let (opened)
        (cl-letf (((symbol-function #'browse-url-of-file) (lambda (file) (setq opened file))))
          (push-button (point)))
        (unwind-protect
            (progn
              (should (string-suffix-p ".svg" opened))
              (should (= #o600 (file-modes opened)))
              (should (= #o700 (file-modes (file-name-directory opened))))
              (should (with-temp-buffer
                        (insert-file-contents opened)
                        (search-forward "#a38" nil t))))
          (delete-directory (file-name-directory opened) t)))
      ;; Other tests look for their picture in the same buffer.
      (reval-output-clear))))

(ert-deftest reval-test-only-pictures-are-opened ()
  "Data that is not what its type says is given to no program."
  (cl-letf (((symbol-function #'browse-url-of-file) (lambda (_) (error "Opened"))))
    (dolist (output (list (list :mime "image/png" :data (base64-encode-string "[Desktop Entry]"))
                          (list :mime "image/svg+xml" :data "#!/bin/sh")
                          (list :mime "image/svg+xml" :data "<html><script>")))
      (should-error (reval-picture--open-outside output) :type 'user-error))
    (should-not (reval-picture-p '(:mime "image/png; x=desktop" :data "x")))))

(ert-deftest reval-test-picture-is-followed ()
  "The tail is in sight behind a picture, which is no higher than the window."
  (skip-unless (display-images-p))
  (reval-test-visiting "tall.py"
      (concat "%matplotlib inline\nimport matplotlib.pyplot as plt\n"
              "plt.figure(figsize=(4, 20)); plt.plot([1, 2]); plt.show(); print('behind')\n")
    (reval-eval-buffer)
    (reval-test-wait "what is behind the picture"
                     (lambda () (string-match-p "behind" (reval-test-output "tall.py:1")))
                     60)
    (redisplay)
    (let* ((window (get-buffer-window (reval-test-output-buffer)))
           (height (window-body-height window t))
           (below (cdr (posn-x-y (posn-at-point (1- (window-point window)) window)))))
      ;; "behind" is on the last line but one: the end is an empty line.
      (should (>= below (- height (* 3 (frame-char-height)))))
      (with-current-buffer (window-buffer window)
        (goto-char (text-property-not-all (window-start window) (point-max)
                                          'reval-picture nil))
        (should (<= (cdr (image-size (cadr (get-text-property (point) 'display)) t))
                    height))))))

(ert-deftest reval-test-outputs-do-not-mix ()
  "Two quick evaluations have their outputs apart, and the second waits."
  (reval-test-visiting "mix.py"
      "import time\nfor i in range(5): print('first', i, flush=True); time.sleep(0.1)\nfor i in range(5): print('second', i)\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`queued")
    (reval-test-wait "the queue in the mode line"
                     (lambda ()
                       (string-match-p "\\`reval\\[python3 running, [12] queued]\\'"
                                       (cadr (reval-session-lighter-text)))))
    (reval-test-shown 3 "✓")
    (should (equal (reval-test-output "mix.py:2")
                   (mapconcat (lambda (i) (format "first %d\n" i)) (number-sequence 0 4) "")))
    (should (equal (reval-test-output "mix.py:3")
                   (mapconcat (lambda (i) (format "second %d\n" i)) (number-sequence 0 4) "")))))

(ert-deftest reval-test-result-moves ()
  "A result stays with its code, wherever edits move it and however."
  (reval-test-visiting "moves.py" "a = 1\n\n40 + 2\n"
    (buffer-enable-undo)
    (reval-test-eval-line 3)
    (reval-test-shown 3 "⇒ 42")
    (goto-char (point-min))
    (insert "# 漢字 🎈\n\n")
    (should (equal (reval-test-results) '((5 . "⇒ 42"))))
    (setq last-command nil)
    (undo-boundary)
    (undo)
    (should (equal (reval-test-results) '((3 . "⇒ 42"))))
    ;; Typed at its end: the result keeps to the line's end.
    (goto-char (point-max))
    (forward-line -1)
    (end-of-line)
    (insert "  # note")
    (let ((overlay (reval-evaluation-result (reval-overlay-here))))
      (should (= (overlay-end overlay) (point)))
      (newline)
      (should (= (overlay-end overlay) (1- (point)))))
    ;; Its text is no part of the buffer's.
    (should-not (string-match-p "⇒" (buffer-string)))
    (delete-region (point-min) (point-max))
    (should-not (reval-test-results))))

(ert-deftest reval-test-result-goes-stale ()
  "A result is marked when its code was changed since, and evaluating mends it."
  (reval-test-visiting "stale.py" "n = 5\nn * 2\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`⇒ 10\\'")
    (reval-test-goto-line 2)
    (insert "3 + ")
    (reval-document-flush (reval-document-current))
    (reval-test-shown 2 "\\`⇒ 10 (code changed)\\'")
    (should-not (string-match-p "changed" (reval-test-result 1)))
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`⇒ 13\\'")))

(ert-deftest reval-test-result-of-an-earlier-kernel ()
  "A result is marked when the namespace that it is of is gone."
  (reval-test-visiting "restarted.py" "6 * 7\n7 * 8\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 42\\'")
    (reval-restart)
    (reval-test-shown 1 "\\`⇒ 42 (earlier kernel)\\'")
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`⇒ 56\\'")))

(ert-deftest reval-test-edits-go-by-themselves ()
  "Edits reach the server without a command."
  (reval-test-visiting "idle.py" "6 * 7\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 42\\'")
    (goto-char (point-min))
    (insert "1")
    (reval-test-shown 1 "changed")))

(ert-deftest reval-test-interrupt ()
  "An endless loop is interrupted, and the kernel lives on."
  (reval-test-visiting "loop.py" "while True: pass\n'still here'\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`running")
    (reval-interrupt)
    (reval-test-shown 1 "KeyboardInterrupt")
    (reval-test-eval-line 2)
    (reval-test-shown 2 "still here")))

(ert-deftest reval-test-unicode ()
  "Positions are right with every kind of character before them."
  (reval-test-visiting "größe_漢字🎈.py"
      "größe = '🎈漢字e\u0301'; länge = len(größe); länge\nprint('🎈' * 3, größe)\n1 + größe\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 5\\'")
    (reval-test-eval-line 2)
    (reval-test-wait "output" (lambda () (equal (reval-test-output ":2")
                                                "🎈🎈🎈 🎈漢字e\u0301\n")))
    (reval-test-goto-line 1)
    (search-forward "; ")
    (reval-eval-region (point) (line-end-position))
    (reval-test-shown 1 "\\`⇒ 5\\'")
    (let ((code (reval-evaluation-code (reval-overlay-here))))
      (should (equal (buffer-substring (overlay-start code) (overlay-end code))
                     "länge = len(größe); länge")))
    (goto-char (point-max))
    (insert "'🎈'; grö")
    (pcase-let ((`(,beg ,end ,table . ,_) (reval-test-completions)))
      (should (equal (buffer-substring beg end) "grö"))
      (should (member "größe" (all-completions "grö" table))))))

(ert-deftest reval-test-utf-16 ()
  "A server that counts in UTF-16 gets and gives the right positions too."
  (let* ((whole (symbol-function 'reval-connection--initialize-params))
         (reval-test-project (file-name-as-directory
                              (expand-file-name "utf-16" reval-test-project))))
    (make-directory reval-test-project t)
    (cl-letf (((symbol-function 'reval-connection--initialize-params)
               (lambda (root)
                 (let ((params (copy-tree (funcall whole root) t)))
                   (setf (plist-get (plist-get (plist-get params :capabilities) :general)
                                    :positionEncodings)
                         ["utf-16"])
                   params))))
      (reval-test-visiting "wide.py" "s = '🎈🎈'; t = 1; (s, t)\n"
        (search-forward "; ")
        (reval-eval-region (point) (line-end-position))
        (should (eq 'utf-16 (reval-connection-encoding
                             (reval-document-connection (reval-document-current)))))
        (reval-test-shown 1 "NameError.*'s'")
        (reval-eval-buffer)
        (reval-test-shown 1 "⇒ ('🎈🎈', 1)")
        (let ((connection (reval-document-connection (reval-document-current))))
          (reval-connection-stop connection)
          (should-not (jsonrpc-running-p connection)))))))

;;; Completion, ElDoc, inspection

(ert-deftest reval-test-complete-and-import ()
  "What a completion needs is imported with it."
  (reval-test-visiting "imports.go" "x := 1\ny := strings.Repe\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-test-kernel-idle)
    (reval-test-goto-line 2)
    (end-of-line)
    (completion-at-point)
    (should (equal (buffer-string) "import \"strings\"\n\nx := 1\ny := strings.Repeat\n"))
    (should (looking-back "Repeat" (line-beginning-position)))))

(ert-deftest reval-test-complete-and-eldoc ()
  "Attributes that exist only at run time are completed, values shown."
  (reval-test-visiting "complete.py"
      "from types import SimpleNamespace\nx = SimpleNamespace(foo_bar=123)\nx.foo\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "✓")
    (reval-test-kernel-idle)
    (reval-test-goto-line 3)
    (end-of-line)
    (pcase-let ((`(,beg ,end ,table . ,plist) (reval-test-completions)))
      (should (equal (buffer-substring beg end) "foo"))
      (should (equal (all-completions "foo" table) '("foo_bar")))
      (let ((candidate (car (all-completions "foo" table))))
        (should (symbolp (funcall (plist-get plist :company-kind) candidate)))
        (should (member (funcall (plist-get plist :annotation-function) candidate)
                        (list nil (format " %s" (funcall (plist-get plist :company-kind)
                                                         candidate)))))
        ;; Behind a letter front ends wait for as many as they like.
        (should-not (plist-get plist :company-prefix-length))))
    ;; Behind what triggers they do not wait.
    (delete-char -3)
    (pcase-let ((`(,beg ,end ,table . ,plist) (reval-test-completions)))
      (should (= beg end (point)))
      (should (eq t (plist-get plist :company-prefix-length)))
      (should (member "foo_bar" (all-completions "" table))))
    (insert "foo")
    (completion-at-point)
    (should (equal (thing-at-point 'line) "x.foo_bar\n"))
    (let (doc)
      (reval-eldoc-function (lambda (text &rest _) (setq doc text)))
      (reval-test-wait "the value of x.foo_bar"
                       (lambda () (and doc (string-match-p "123" doc)))))))

(ert-deftest reval-test-eldoc-signature ()
  "The signature of what is called is shown, its active parameter marked."
  (reval-test-visiting "signature.py" "def area(width, height=2): return width * height\narea(3, )\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-test-kernel-idle)
    (reval-test-goto-line 2)
    (should-not (reval-eldoc-signature-function #'ignore))
    (end-of-line)
    (backward-char)
    (let (doc)
      (should (reval-eldoc-signature-function (lambda (text &rest _) (setq doc text))))
      (reval-test-wait "the signature of area" (lambda () doc))
      (should (equal (substring-no-properties doc) "area(width, height=2)"))
      (should (eq (get-text-property (string-search "height" doc) 'face doc)
                  'eldoc-highlight-function-argument))
      (should-not (get-text-property (string-search "width" doc) 'face doc)))))

(ert-deftest reval-test-completes-first ()
  "The kernel is asked before what else completes, in whatever order it came."
  (reval-test-visiting "first.py" "first_name = 1\nfirst_n\n"
    (add-hook 'completion-at-point-functions
              (lambda () (list (line-beginning-position) (point) '("first_static")))
              nil t)
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-test-kernel-idle)
    (reval-test-goto-line 2)
    (end-of-line)
    (reval-test-completions)
    (completion-at-point)
    (should (equal (thing-at-point 'line) "first_name\n"))))

(ert-deftest reval-test-complete-while-busy ()
  "Completion does not wait for a kernel that is busy."
  (reval-test-visiting "busy.py" "import time\nbusy_name = 1\ntime.sleep(30)\nbusy_n\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "✓")
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`running")
    (reval-test-goto-line 4)
    (end-of-line)
    (let ((start (float-time)))
      (reval-completion-at-point)
      (should (< (- (float-time) start) 20)))
    (reval-interrupt)
    (reval-test-shown 3 "KeyboardInterrupt")))

(ert-deftest reval-test-inspect ()
  "The inspect buffer says what the kernel knows, in more detail if asked."
  (reval-test-visiting "inspect_me.py"
      "def twice(n):\n    'Return two times n.'\n    return n * 2\n\ntwice\n"
    (reval-test-goto-line 1)
    (reval-eval-defun)
    (reval-test-shown 3 "✓")
    (reval-test-goto-line 5)
    (reval-inspect)
    (let ((text (lambda ()
                  (let ((buffer (get-buffer "*reval-inspect*")))
                    (if buffer (with-current-buffer buffer (buffer-string)) "")))))
      (reval-test-wait "the documentation"
                       (lambda () (string-match-p "Return two times n" (funcall text))))
      (should-not (string-match-p "return n \\* 2" (funcall text)))
      (with-current-buffer "*reval-inspect*" (reval-inspect-toggle-detail))
      (reval-test-wait "the source"
                       (lambda () (string-match-p "return n \\* 2" (funcall text)))))))

;;; Input

(defun reval-test-type (keys)
  "Type KEYS as soon as a minibuffer is open."
  (let ((hook (make-symbol "reval-test-type")))
    (fset hook (lambda ()
                 (remove-hook 'minibuffer-setup-hook hook)
                 (setq unread-command-events
                       (append (listify-key-sequence (kbd keys)) nil))))
    (add-hook 'minibuffer-setup-hook hook)))

(defun reval-test-idle (what predicate)
  "Let Emacs be idle in its own loop until PREDICATE holds and no minibuffer is open.
WHAT says what is waited for; fail after 30 seconds."
  (let* ((deadline (+ (float-time) 30))
         (held nil)
         (timer (run-with-timer
                 0 0.02 (lambda ()
                          (when (or (> (float-time) deadline)
                                    (and (zerop (minibuffer-depth))
                                         (setq held (funcall predicate))))
                            (throw 'exit nil))))))
    (unwind-protect (recursive-edit)
      (cancel-timer timer))
    (unless held
      (ert-fail (format "waited in vain for %s; results: %S" what (reval-test-results))))))

(defun reval-test-answered (line regexp)
  "Be idle until what is shown beside the code of LINE matches REGEXP."
  (let ((buffer (current-buffer)))
    (reval-test-idle (format "%s on line %d" regexp line)
                     (lambda ()
                       (with-current-buffer buffer
                         (reval-test-shows-p line regexp))))))

(ert-deftest reval-test-input ()
  "A kernel's questions are answered in the minibuffer, in order."
  (skip-unless (not noninteractive))
  (reval-test-visiting "input.py"
      "a = input('Your name? '); a\nimport getpass\ngetpass.getpass('Word: ')\ninput('Never? ')\n"
    (reval-test-type "Z o ë RET")
    (reval-test-eval-line 1)
    (reval-test-answered 1 "⇒ 'Zoë'")
    (should (equal (car reval-input-history) "Zoë"))
    (reval-test-eval-line 2)
    (reval-test-type "s e c r e t RET")
    (reval-test-eval-line 3)
    (reval-test-answered 3 "⇒ 'secret'")
    (should-not (member "secret" reval-input-history))
    (reval-test-type "C-g")
    (reval-test-eval-line 4)
    (reval-test-answered 4 "KeyboardInterrupt")))

(ert-deftest reval-test-input-taken-back ()
  "A prompt closes when the kernel no longer waits for it."
  (skip-unless (not noninteractive))
  (reval-test-visiting "back.py" "input('Wait: ')\n'after'\n"
    (let ((opened nil))
      (minibuffer-with-setup-hook
          (lambda ()
            (setq opened t)
            (run-at-time 0 nil (lambda ()
                                 (with-current-buffer "back.py" (reval-interrupt)))))
        (reval-test-eval-line 1)
        (reval-test-answered 1 "KeyboardInterrupt"))
      (should opened)
      (should (zerop (minibuffer-depth)))
      (reval-test-eval-line 2)
      (reval-test-shown 2 "after"))))

(ert-deftest reval-test-queue ()
  "The queue is listed as it changes, and can be changed there."
  (reval-test-visiting "queue.py"
      "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n'a'\n'b'\n'c'\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`running")
    (reval-test-eval-line 3)
    (reval-test-eval-line 4)
    (let* ((code (current-buffer))
           (queue (save-window-excursion (reval-queue) (current-buffer)))
           (rows (lambda ()
                   (with-current-buffer queue
                     (mapcar (lambda (entry)
                               (string-join (delete "" (list (aref (cadr entry) 0)
                                                             (aref (cadr entry) 2)
                                                             (aref (cadr entry) 4)))
                                            " "))
                             tabulated-list-entries))))
           (lists (lambda (&rest want)
                    (let (got)
                      (unless (reval-connection-wait
                               (lambda () (equal want (setq got (funcall rows)))) 30)
                        (ert-fail (list 'queue got 'wanted want))))))
           (on (lambda (place command)
                 (with-selected-window (get-buffer-window queue)
                   (goto-char (point-min))
                   (search-forward place)
                   (call-interactively command)))))
      (unwind-protect
          (progn
            (display-buffer queue)
            (funcall lists "● queue.py:2 while not os.path.exists('go'): time.sleep(0.01)"
                     "1 queue.py:3 'a'" "2 queue.py:4 'b'")
            (should (string-match-p "\\`[0-9:]+\\'" (aref (cadar (buffer-local-value
                                                             'tabulated-list-entries queue))
                                                      1)))
            ;; It follows what is asked for elsewhere.
            (with-current-buffer code (reval-test-eval-line 5))
            (funcall lists "● queue.py:2 while not os.path.exists('go'): time.sleep(0.01)"
                     "1 queue.py:3 'a'" "2 queue.py:4 'b'" "3 queue.py:5 'c'")
            (funcall on "queue.py:5" #'reval-queue-move-up)
            (funcall lists "● queue.py:2 while not os.path.exists('go'): time.sleep(0.01)"
                     "1 queue.py:3 'a'" "2 queue.py:5 'c'" "3 queue.py:4 'b'")
            (should (equal "queue.py:5" (with-selected-window (get-buffer-window queue)
                                          (aref (tabulated-list-get-entry) 2))))
            (should-error (funcall on "queue.py:2" #'reval-queue-move-down) :type 'user-error)
            (funcall on "queue.py:3" #'reval-queue-move-down)
            (funcall lists "● queue.py:2 while not os.path.exists('go'): time.sleep(0.01)"
                     "1 queue.py:5 'c'" "2 queue.py:3 'a'" "3 queue.py:4 'b'")
            (funcall on "queue.py:3" #'reval-queue-cancel)
            (funcall lists "● queue.py:2 while not os.path.exists('go'): time.sleep(0.01)"
                     "1 queue.py:5 'c'" "2 queue.py:4 'b'")
            (with-current-buffer code (reval-test-shown 3 "\\`cancelled"))
            (save-window-excursion
              (funcall on "queue.py:4" #'reval-queue-goto)
              (set-buffer (window-buffer))
              (should (equal (list code 4) (list (current-buffer) (line-number-at-pos)))))
            (funcall on "queue.py:2" #'reval-queue-cancel)
            (with-current-buffer code (reval-test-shown 2 "KeyboardInterrupt"))
            (funcall lists "nothing runs or waits"))
        (kill-buffer queue)
        (write-region "" nil (expand-file-name "go" reval-test-project) nil 'silent)))))

;;; Life of mode, buffer and server

(defun reval-test-buffer-state ()
  "Return what a mode may leave behind in the current buffer."
  (list (mapcar (lambda (hook) (cons hook (seq-filter (lambda (function)
                                                  (string-prefix-p
                                                   "reval" (format "%s" function)))
                                                (symbol-value hook))))
                '(before-change-functions after-change-functions kill-buffer-hook
                  completion-at-point-functions eldoc-documentation-functions
                  change-major-mode-hook after-revert-hook
                  after-set-visited-file-name-hook))
        (length (overlays-in (point-min) (point-max)))
        (and (local-variable-p 'reval-document--current) t)))

(ert-deftest reval-test-mode-undoes-itself ()
  "Turned off, the mode leaves nothing in the buffer."
  (reval-test-visiting "undo.py" "1 + 1\nundefined_name\n"
    (reval-mode -1)
    (let ((before (reval-test-buffer-state)))
      (reval-mode)
      (reval-test-eval-line 1)
      (reval-test-eval-line 2)
      (reval-test-shown 2 "NameError")
      (should-not (equal (reval-test-buffer-state) before))
      (reval-mode -1)
      (should (equal (reval-test-buffer-state) before))
      (reval-mode)
      (reval-test-eval-line 1)
      (reval-test-shown 1 "⇒ 2")
      (text-mode)
      (should-not reval-mode)
      (should-not (overlays-in (point-min) (point-max)))
      (should-not (reval-document-current)))))

(ert-deftest reval-test-revert ()
  "Results stay over a revert, and what changed on the disk is seen."
  (reval-test-visiting "revert.py" "a = 7\na * 6\n"
    (reval-eval-buffer)
    (reval-test-shown 2 "⇒ 42")
    (write-region "# changed\na = 7\na * 6\n" nil buffer-file-name nil 'silent)
    (revert-buffer t t)
    (should reval-mode)
    (should (equal (reval-test-results) '((3 . "⇒ 42"))))
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`⇒ 42\\'")))

(ert-deftest reval-test-renamed ()
  "A buffer that is written to another file goes on."
  (reval-test-visiting "old.py" "print(5)\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (write-file (expand-file-name "new.py" reval-test-project))
    (insert "#\n")
    (reval-test-eval-line 2)
    (reval-test-shown 2 "✓")
    (should (string-match-p "5" (reval-test-output "new.py:2")))))

(ert-deftest reval-test-no-file ()
  "A buffer without a file is evaluated too."
  (let ((default-directory reval-test-project))
    (with-current-buffer (generate-new-buffer "scratch größe")
      (unwind-protect
          (progn
            (python-mode)
            (reval-mode)
            (insert "2 ** 10")
            (reval-eval-buffer)
            (reval-test-shown 1 "⇒ 1024"))
        (kill-buffer)))))

(ert-deftest reval-test-select-kernel ()
  "Kernels are listed with the suitable ones first, and a wrong one is told."
  (reval-test-visiting "select.py" "1\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "⇒ 1")
    (let ((kernels (reval-command-request (reval-document-current) "reval.kernels"
                                          :timeout 20)))
      (should (seq-some (lambda (kernel) (eq (plist-get kernel :selected) t)) kernels))
      (cl-letf (((symbol-function #'completing-read)
                 (lambda (_prompt table &rest _)
                   (car (all-completions "" table)))))
        (let ((kernel (reval-kernel--read (reval-document-current))))
          (reval-select-kernel kernel)
          (reval-test-eval-line 1)
          (reval-test-shown 1 "⇒ 1"))))
    (should (string-match-p "python" (downcase (apply #'concat (reval-session-lighter-text)))))))

(ert-deftest reval-test-revert-restores ()
  "A result whose code a revert replaced by the same is shown again."
  (reval-test-visiting "restored.py" "a = 7\nb = 1\nlist(range(a))\nc = 2\nd = 3\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`⇒ \\[0, 1,")
    (write-region "a = 7\nB = 1\nlist(range(a))\nc = 2\nD = 3\n" nil buffer-file-name
                  nil 'silent)
    (revert-buffer t t)
    (reval-test-shown 3 "\\`⇒ \\[0, 1,")
    (reval-test-wait "the value"
                     (lambda () (progn (reval-test-goto-line 3)
                                       (reval-evaluation-value (reval-overlay-here)))))
    (reval-test-shown 1 "✓")))

(ert-deftest reval-test-queue-behind-an-error ()
  "What did not run because of an error before it says so."
  (reval-test-visiting "behind.py" "import time; time.sleep(0.5); 1 / 0\n2\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 1 "ZeroDivisionError")
    (reval-test-shown 2 "\\`not run: ")))

(ert-deftest reval-test-late-output ()
  "Output that comes after the result was cleared still names the line."
  (reval-test-visiting "late.py"
      "\nimport time; time.sleep(0.5); print('late')\n"
    (reval-test-eval-line 2)
    (reval-test-shown 2 "running\\|queued")
    (reval-clear t)
    (should-not (reval-test-results))
    (goto-char (point-min))
    (insert "\n\n")
    (reval-test-wait "the output"
                     (lambda () (equal (reval-test-output "late.py:2") "late\n")))))

(ert-deftest reval-test-restart ()
  "A restart forgets the variables; a kernel that dies is told."
  (reval-test-visiting "restart.py" "kept = 1\nkept\nimport os; os._exit(7)\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-restart)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "NameError")
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`lost")
    (reval-test-wait "the session to be dead"
                     (lambda ()
                       (equal "dead" (reval-session-state
                                      (reval-document-session (reval-document-current))))))
    (reval-restart)
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")))

(ert-deftest reval-test-shutdown ()
  "The kernel is ended, and the next evaluation starts another."
  (reval-test-visiting "shutdown.py" "kept = 1\nkept\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "✓")
    (reval-shutdown)
    (reval-test-wait "the session to have no kernel"
                     (lambda ()
                       (equal "none" (reval-session-state
                                      (reval-document-session (reval-document-current))))))
    (reval-test-eval-line 2)
    (reval-test-shown 2 "NameError")))

(ert-deftest reval-test-kernel-does-not-answer ()
  "A kernel's silence is told, and told again when it answers.
The server's own tests stop a kernel; this one is told that it is stopped."
  (reval-test-visiting "silent.py" "6 * 7\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 42\\'")
    (reval-test-kernel-idle)
    (let* ((document (reval-document-current))
           (session (reval-document-session document))
           (state (list :session (reval-session-id session)
                        :kernel (reval-session-kernel session)
                        :displayName (reval-session-display-name session)
                        :uris (vector (reval-document-uri document)))))
      (dolist (told '(("unresponsive" "the kernel does not answer" warning
                       "^reval: the kernel does not answer$")
                      ("idle" nil success "^reval: Python 3 .* answers again$")))
        (pcase-let ((`(,name ,message ,face ,said) told))
          (reval-session-take-state (reval-document-connection document)
                                    (append state (list :state name :message message)))
          (should (string-match-p (concat " " name "]\\'") (reval-test-mode-line)))
          (should (eq face (get-text-property (string-search name (reval-test-mode-line))
                                              'face (reval-test-mode-line))))
          (should (reval-test-said said)))))))

(ert-deftest reval-test-server-dies ()
  "A server that died is told and started again, and what is shown of it is marked."
  (let ((reval-test-project (file-name-as-directory
                             (expand-file-name "dies" reval-test-project))))
    (make-directory reval-test-project t)
    (reval-test-visiting "dies.py" "3 * 3\nimport time; time.sleep(30)\n"
      (reval-test-eval-line 1)
      (reval-test-shown 1 "⇒ 9")
      (reval-test-eval-line 2)
      (reval-test-shown 2 "\\`running")
      (let ((connection (reval-document-connection (reval-document-current))))
        (signal-process (jsonrpc--process connection) 'SIGKILL)
        (reval-test-shown 2 "\\`lost")
        (reval-test-shown 1 "\\`⇒ 9 (the server ended since)\\'")
        (reval-test-wait "another server"
                         (lambda () (reval-test-said "reval: connected again.*")))
        (should (reval-test-said "reval: the server ended, it is started again: signal 9"))
        (should (reval-test-said "connected again; the kernels ended with the server"))
        (should-not (eq connection (reval-document-connection (reval-document-current))))
        (should (reval-document-open (reval-document-current)))
        (reval-test-shown 1 "(the server ended since)\\'")
        (reval-test-eval-line 1)
        (reval-test-shown 1 "\\`⇒ 9\\'")
        (reval-connection-stop (reval-document-connection (reval-document-current)))))))

(ert-deftest reval-test-no-server ()
  "A missing or broken program is told in one line."
  (let ((reval-test-project (file-name-as-directory
                             (expand-file-name "none" reval-test-project)))
        (inhibit-message t))
    (make-directory reval-test-project t)
    (let ((reval-command '("reval-that-is-not-there" "lsp")))
      (reval-test-visiting "none.py" "1\n"
        (should (string-match-p
                 "Cannot find the program .reval-that-is-not-there.: install reval"
                 (error-message-string (should-error (reval-eval-buffer)
                                                     :type 'user-error))))))
    ;; It reads, since SIGPIPE ends an Emacs in batch mode.
    (let ((reval-command '("sh" "-c" "read -r _; echo first; echo boom >&2; exit 3")))
      (reval-test-visiting "none.py" "1\n"
        (should (string-match-p
                 "The reval server ended: exit status 3, boom"
                 (error-message-string (should-error (reval-eval-buffer)
                                                     :type 'user-error))))))))

(ert-deftest reval-test-no-kernel ()
  "A language without a kernel is told in one line."
  (reval-test-visiting "poem.cobol" "DISPLAY 'X'.\n"
    (let ((text (error-message-string (should-error (reval-eval-buffer)
                                                    :type 'user-error))))
      (should (string-match-p "kernel" text))
      (should-not (string-match-p "\n" text)))
    (reval-test-shown 1 "\\`lost: no kernel for ")))

(ert-deftest reval-test-flood ()
  "A flood of output leaves Emacs usable and ends in the last line."
  (reval-test-visiting "flood.py" "for i in range(200000): print(i)\n"
    (reval-eval-buffer)
    (reval-test-shown 1 "✓" 60)
    (let ((text (reval-test-output)))
      (should (string-suffix-p "199998\n199999\n" text))
      (should (< (length text) (* 220 reval-output-max-lines))))))

(ert-deftest reval-test-long-line ()
  "Of a very long line the beginning and the end are shown."
  (reval-test-visiting "long_line.py" "print('begin' + 'x' * 3000000 + 'end')\n"
    (reval-eval-buffer)
    (reval-test-shown 1 "✓" 60)
    (with-current-buffer (reval-test-output-buffer)
      (goto-char (point-max))
      (search-backward "long_line.py")
      (forward-line)
      (let ((visible (lambda (beg end)
                       (let (parts)
                         (while (< beg end)
                           (let ((next (next-single-property-change beg 'invisible nil end)))
                             (unless (get-text-property beg 'invisible)
                               (push (buffer-substring-no-properties beg next) parts))
                             (setq beg next)))
                         (string-join (nreverse parts) "…")))))
        (should (string-match-p "\\`beginx\\{1700,\\}…x+end\\'"
                                (funcall visible (point) (line-end-position)))))
      (reval-output-clear))))

(ert-deftest reval-test-large-value ()
  "Of a large value the ends are sent, and all of it is copied and inserted."
  (reval-test-visiting "large.py" "'begin' + 'x' * 2000000 + 'end'\nlist(range(100000))\n"
    (let ((kill-ring nil)
          (whole (concat "'begin" (make-string 2000000 ?x) "end'")))
      (reval-test-eval-line 1)
      (reval-test-shown 1 "\\`⇒ 'beginxxx")
      (let ((text (plist-get (reval-evaluation-value (reval-overlay-here)) :text)))
        (should (< (length text) 30000))
        (should (string-match-p "\\`'beginx+\n.*left out.*\nx+end'\\'" text)))
      (call-interactively #'reval-copy-result)
      (reval-test-wait "the whole value" (lambda () kill-ring))
      (should (equal (car kill-ring) whole))
      (reval-eval-region (line-beginning-position) (line-end-position) t)
      (reval-test-wait "the whole value in the buffer"
                       (lambda () (> (buffer-size) 2000000)))
      (should (string-suffix-p (concat whole "\nlist(range(100000))\n") (buffer-string))))))

(ert-deftest reval-test-many-lines ()
  "As many lines are kept as are to be, and a key fetches all."
  (reval-test-visiting "many_lines.py" "for i in range(60000): print(f'{i:0100}')\n"
    (reval-eval-buffer)
    (reval-test-shown 1 "✓" 60)
    (with-current-buffer (reval-test-output-buffer)
      (should (<= 19000 (count-lines (point-min) (point-max)) (+ 20000 8000)))
      (goto-char (point-max))
      (reval-output-whole)
      (reval-test-wait "the whole output"
                       (lambda () (get-buffer "*reval-output: all of many_lines.py:1*"))))
    (with-current-buffer "*reval-output: all of many_lines.py:1*"
      (should (> (count-lines (point-min) (point-max)) 40000))
      (should (string-suffix-p "59999\n" (buffer-string)))
      (kill-buffer))))

;;; Go

(ert-deftest reval-test-go ()
  "The embedded Go kernel: values, streams, completion, errors, an interrupt."
  (let ((auto-mode-alist (cons '("\\.go\\'" . reval-test-go-mode) auto-mode-alist)))
    (reval-test-visiting "cell.go"
        "x := 20\nx + 1\nimport \"fmt\"\nfmt.Println(\"größe\", x)\nundefined\nfor {}\nlongName := 1\nlongN\n"
      (reval-test-eval-line 1)
      (reval-test-eval-line 2)
      (reval-test-shown 2 "⇒ 21")
      (reval-test-eval-line 3)
      (reval-test-eval-line 4)
      (reval-test-wait "output" (lambda () (string-match-p
                                            "\\`größe 20\n" (reval-test-output "cell.go:4"))))
      (reval-test-eval-line 5)
      (reval-test-shown 5 "undefined")
      (reval-test-eval-line 6)
      (reval-test-shown 6 "\\`running")
      (reval-interrupt)
      (reval-test-shown 6 "\\`✗")
      (reval-test-eval-line 7)
      (reval-test-shown 7 "✓\\|⇒")
      (reval-test-kernel-idle)
      (reval-test-goto-line 8)
      (end-of-line)
      (let ((table (nth 2 (reval-test-completions))))
        (should (member "longName" (all-completions "longN" table)))))))

(define-derived-mode reval-test-go-mode prog-mode "Go"
  "Go, where go-mode is not installed.")
(add-to-list 'reval-language-ids '(reval-test-go-mode . "go"))

(provide 'reval-end-to-end-test)
;;; reval-end-to-end-test.el ends here
