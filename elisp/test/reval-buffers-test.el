;;; reval-buffers-test.el --- Tests of buffers of all kinds  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Files that turn the mode on, clones, renamed files, files of other hosts, windows.
;; They use the helpers of reval-end-to-end-test.el; see run.el.

;;; Code:

(require 'ert)
(require 'reval)

;;; Reading a file runs nothing

(ert-deftest reval-test-file-turns-mode-on ()
  "A file that turns the mode on starts no program; a command does."
  (let* ((reval-test-project
          (file-name-as-directory (make-temp-file (concat reval-test-project "trust") t)))
         (started (expand-file-name "started" reval-test-project))
         (reval-command (list "sh" "-c" "touch \"$1\"; shift; exec \"$@\"" "sh" started
                              (car reval-command) "lsp" "--standalone")))
    (dolist (header '("# -*- mode: python; mode: reval -*-\n6 * 7\n"
                      "# -*- mode: python; eval: (reval-mode) -*-\n6 * 7\n"))
      (write-region header nil (expand-file-name "trusted.py" reval-test-project) nil 'silent)
      (with-current-buffer (find-file-noselect (expand-file-name "trusted.py" reval-test-project))
        (unwind-protect
            (progn
              (should reval-mode)
              ;; Nor does what looks at the file.
              (goto-char (point-max))
              (should-not (reval-completion-at-point))
              (should-not (reval-eldoc-function #'ignore))
              (insert "# edited\n")
              (reval-document--sync (reval-document-current))
              (revert-buffer t t)
              (should-not (reval-connection-last (reval-connection-project-root)))
              (should-not (file-exists-p started)))
          (set-buffer-modified-p nil)
          (kill-buffer))))
    (reval-test-visiting "trusted.py" "\n6 * 7\n"
      (should (equal (reval-test-mode-line) "reval"))
      (reval-test-eval-line 2)
      (reval-test-shown 2 "\\`⇒ 42\\'")
      (should (file-exists-p started))
      (reval-connection-stop (reval-document-connection (reval-document-current))))))

(ert-deftest reval-test-options-that-files-may-not-set ()
  "Options that name programs or functions are risky, and none is taken for safe."
  (dolist (option '(reval-command reval-output-display-action reval-language-ids
                                   reval-kernel-directory))
    (should (risky-local-variable-p option)))
  (mapatoms (lambda (symbol)
              (when (and (string-prefix-p "reval-" (symbol-name symbol)) (custom-variable-p symbol))
                (should-not (get symbol 'safe-local-variable))))))

;;; Clones

(ert-deftest reval-test-clone ()
  "An indirect buffer shows the results of its base, and goes without taking them away."
  (reval-test-visiting "base.py" "a = 20\na + 1\n1 / 0\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "⇒ 21")
    (let* ((base (current-buffer))
           (document (reval-document-current))
           (clone (clone-indirect-buffer "the clone" nil))
           (both (lambda () (list (with-current-buffer base (reval-test-results))
                                  (with-current-buffer clone (reval-test-results))))))
      (unwind-protect
          (progn
            (should (apply #'equal (funcall both)))
            (with-current-buffer clone
              (should (eq document (reval-document-current)))
              ;; What is evaluated in it stands in both, an error on its line.
              (reval-test-eval-line 3)
              (reval-test-shown 3 "ZeroDivisionError")
              (should (apply #'equal (funcall both)))
              (should (equal (reval-test-failing-lines) '("1 / 0")))
              ;; What is typed in it moves them in both, and reaches the server.
              (goto-char (point-min))
              (insert "# first\n")
              (should (apply #'equal (funcall both)))
              (should (equal (mapcar #'car (reval-test-results)) '(2 3 4)))
              (reval-test-goto-line 3)
              (end-of-line)
              (insert " # note")
              (call-interactively #'reval-copy-result)
              (should (apply #'equal (funcall both))))
            (reval-test-goto-line 1)
            (insert "b = 1\n")
            (should (apply #'equal (funcall both)))
            (reval-test-eval-line 4)
            (reval-test-shown 4 "\\`⇒ 21\\'")
            (should (apply #'equal (funcall both))))
        (kill-buffer clone))
      (should (reval-document-open document))
      (should-not (reval-document-clones document))
      (should (equal (reval-test-result 4) "⇒ 21"))
      (reval-test-eval-line 4)
      (reval-test-shown 4 "\\`⇒ 21\\'")
      ;; The mode of one is not the other's, but for the base's.
      (setq clone (clone-indirect-buffer "the clone" nil))
      (unwind-protect
          (progn
            (with-current-buffer clone
              (reval-mode -1)
              (should-not (overlays-in (point-min) (point-max)))
              (should-not (reval-document-current)))
            (should (equal (reval-test-result 4) "⇒ 21"))
            (with-current-buffer clone
              (reval-mode)
              (should (equal (reval-test-result 4) "⇒ 21")))
            (reval-mode -1)
            (with-current-buffer clone
              (should-not reval-mode)
              (should-not (overlays-in (point-min) (point-max)))))
        (kill-buffer clone)))))

;;; Other names, other hosts, other modes

(ert-deftest reval-test-renamed-keeps-results ()
  "A buffer that is written to another file keeps results, kernel and edits."
  (reval-test-visiting "before.py" "x = 40\nx + 2\n"
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`⇒ 42\\'")
    (let ((session (reval-document-session (reval-document-current)))
          (folder (make-temp-file "reval-test" t)))
      (unwind-protect
          (progn
            (goto-char (point-min))
            (insert "# moved\n")
            (write-file (expand-file-name "after.py" reval-test-project))
            (should (equal (mapcar #'car (reval-test-results)) '(2 3)))
            (reval-test-kernel-idle)
            (should (eq session (reval-document-session (reval-document-current))))
            (should (equal (reval-test-result 3) "⇒ 42"))
            ;; The server knows them by the new name.
            (goto-char (point-max))
            (forward-line -1)
            (insert "1 + ")
            (reval-document-flush (reval-document-current))
            (reval-test-shown 3 "\\`⇒ 42 (code changed)\\'")
            (reval-test-eval-line 3)
            (reval-test-shown 3 "\\`⇒ 43\\'")
            ;; In another folder it has another kernel, which knows nothing of them.
            (write-file (expand-file-name "elsewhere.py" folder))
            (reval-test-shown 3 "\\`⇒ 43 (earlier kernel)\\'")
            (reval-test-eval-line 3)
            (reval-test-shown 3 "NameError"))
        (set-buffer-modified-p nil)
        (delete-directory folder t)))))

(ert-deftest reval-test-result-comes-back ()
  "A result is with its code again where that was put, or undone."
  (reval-test-visiting "back_again.py" "x = 1\nx + 41\n1 / 0\n\n"
    (buffer-enable-undo)
    (dotimes (line 3) (reval-test-eval-line (1+ line)))
    (reval-test-shown 2 "\\`⇒ 42\\'")
    (reval-test-shown 3 "ZeroDivisionError")
    (reval-test-goto-line 2)
    (undo-boundary)
    (kill-line 2)
    (should-not (reval-test-result 2))
    (reval-test-wait "the server to know" (lambda () (null (reval-document-timer
                                                            (reval-document-current)))))
    (goto-char (point-max))
    (yank)
    (reval-test-shown 3 "\\`⇒ 42\\'")
    (reval-test-shown 4 "ZeroDivisionError")
    (should (equal (reval-test-failing-lines) '("1 / 0")))))

(ert-deftest reval-test-late-error-is-on-its-line ()
  "An error that comes after edits marks the line that failed."
  (reval-test-visiting "late_error.py" "import time; time.sleep(1)\n1 / 0\n"
    (reval-eval-buffer)
    (reval-test-shown 2 "running\\|queued")
    ;; The server does not know of the edit when the error comes.
    (let ((reval-sync-delay 30))
      (goto-char (point-min))
      (insert "# one\n# two\n")
      (reval-test-shown 4 "ZeroDivisionError")
      (should (equal (reval-test-failing-lines) '("1 / 0"))))))

(ert-deftest reval-test-cell-by-cell ()
  "Several cells are evaluations of their own, each with its result."
  (reval-test-visiting "cells.py" "# %% a\n6 * 7\n# %% b\n7 * 8\n"
    (reval-eval-buffer)
    (reval-test-shown 2 "\\`⇒ 42\\'")
    (reval-test-shown 4 "\\`⇒ 56\\'")))

(ert-deftest reval-test-edits-that-nobody-tells ()
  "An edit that runs no hooks reaches the server before code is evaluated."
  (reval-test-visiting "silent_edit.py" "1\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 1\\'")
    (let ((inhibit-modification-hooks t))
      (goto-char (point-min))
      (insert "10 + "))
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 11\\'")))

(ert-deftest reval-test-read-only ()
  "Nothing is evaluated whose value could not be inserted then."
  (reval-test-visiting "read_only.py" "made = 1\n"
    (setq buffer-read-only t)
    (goto-char (line-end-position))
    (should-error (reval-eval-last-sexp '(4)) :type 'buffer-read-only)
    (should-error (reval-eval-region (point-min) (point) t) :type 'buffer-read-only)
    (should-not (reval-test-results))
    (reval-eval-last-sexp)
    (reval-test-shown 1 "\\`✗ NameError\\|\\`⇒ 1\\'")
    (setq buffer-read-only nil)
    ;; Read-only by the time that the value comes.
    (let ((inserter (reval-eval--inserter (point))))
      (setq buffer-read-only t)
      (funcall inserter (reval-evaluation--make :value '(:text "1")))
      (should (reval-test-said "^reval: the value was not inserted: .*read-only"))
      (setq buffer-read-only nil))))

(ert-deftest reval-test-org ()
  "In an Org buffer it is said where its blocks are evaluated."
  (reval-test-visiting "notes.org" "#+begin_src python\n6 * 7\n#+end_src\n"
    (dolist (command (list #'reval-eval-buffer (lambda () (reval-eval-line 1))))
      (should (string-match-p "C-c '" (error-message-string
                                       (should-error (funcall command) :type 'user-error)))))
    (should-not (reval-test-results))))

(ert-deftest reval-test-other-host ()
  "For a file on another host a kernel there is offered, and nothing is run here."
  (with-temp-buffer
    (let ((asked nil)
          (chosen nil)
          (file-name-handler-alist file-name-handler-alist))
      (python-mode)
      (setq default-directory "/ssh:me@host.example#2222:/srv/")
      (reval-mode)
      (insert "6 * 7\n")
      (should (string-prefix-p "untitled:" (reval-document-uri (reval-document-current))))
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (prompt) (setq asked prompt) nil)))
        (should-error (reval-eval-buffer) :type 'user-error)
        (should (string-match-p "ssh://me@host\\.example:2222\\?" asked)))
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (_) t))
                ((symbol-function 'reval-select-kernel) (lambda (kernel) (setq chosen kernel))))
        (reval-kernel-offer-host (reval-document-current))
        (should (equal chosen "ssh://me@host.example:2222")))
      (setq default-directory "/sudo:root@localhost:/srv/")
      (cl-letf (((symbol-function 'y-or-n-p) (lambda (_) (error "Asked"))))
        (should-error (reval-eval-buffer) :type 'user-error))
      (setq default-directory "/tmp/")
      (reval-mode -1))))

;;; Windows

(ert-deftest reval-test-value-ends-at-the-edge ()
  "A value beside the code is as long as its window is wide, when that changes, too."
  (skip-unless (not noninteractive))
  (reval-test-visiting "edge.py" "'x' * 1000\n"
    (delete-other-windows)
    (reval-test-eval-line 1)
    (reval-test-shown 1 "\\`⇒ 'xxx")
    (let ((fits (lambda ()
                  (redisplay t)
                  (let ((width (window-max-chars-per-line))
                        (shown (string-width (concat "'x' * 1000 " (reval-test-result 1)))))
                    ;; The server sends 200 columns.
                    (list width shown (<= (min 210 (- width 2)) shown width))))))
      (should (nth 2 (funcall fits)))
      (split-window-right)
      (should (nth 2 (funcall fits)))
      (delete-other-windows)
      (should (nth 2 (funcall fits)))
      (let ((reval-overlay-max-columns 30))
        (reval-test-eval-line 1)
        (reval-test-shown 1 "\\`⇒ 'xxx")
        (should (= 30 (string-width (reval-test-result 1))))))))

(defun reval-test-slices (window)
  "Return where the picture's slices are in WINDOW: (TOP HEIGHT) in pixels for each."
  (with-current-buffer (window-buffer window)
    (let (slices)
      (save-excursion
        (goto-char (window-start window))
        (while (< (point) (window-end window t))
          (pcase (get-text-property (point) 'display)
            (`((slice 0 ,_ ,_ ,height) . ,_)
             (push (list (cdr (posn-x-y (posn-at-point (point) window))) height) slices)))
          (forward-line)))
      (nreverse slices))))

(ert-deftest reval-test-picture-is-whole ()
  "No gap is in a picture, whatever its height and the size of the text."
  (skip-unless (display-images-p))
  (reval-test-visiting "whole.py"
      "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.figure(figsize=(4, 1.03)); plt.plot([1, 2]); plt.show()\n"
    (reval-eval-buffer)
    (reval-test-shown 3 "⇒" 60)
    (let ((window (get-buffer-window (reval-test-output-buffer))))
      (dolist (scale '(0 3 -3))
        (with-selected-window window (text-scale-set scale))
        (with-selected-window window
          (goto-char (point-max))
          (re-search-backward "whole\\.py")
          (recenter 0))
        (redisplay t)
        (let ((slices (reval-test-slices window)))
          (should (> (length slices) 3))
          (cl-loop for ((top height) (next _)) on slices while next
                   do (should (= next (+ top height))))))
      (with-selected-window window (text-scale-set 0)))))

(ert-deftest reval-test-picture-behind-tall-lines ()
  "A picture's top is in sight when it comes behind lines that are higher than others."
  (skip-unless (display-images-p))
  (reval-test-visiting "behind_tall.py"
      (concat "%matplotlib inline\nimport matplotlib.pyplot as plt\nprint('東京\\n' * 3)\n"
              "plt.figure(figsize=(5, 3.33)); plt.plot([1, 2]); plt.show()\n")
    (set-frame-size nil 90 46)
    (delete-other-windows)
    (redisplay t)
    (reval-eval-buffer)
    (reval-test-shown 4 "⇒" 60)
    (redisplay t)
    (let ((window (get-buffer-window (reval-test-output-buffer))))
      (with-current-buffer (window-buffer window)
        (goto-char (point-max))
        ;; Back to the first line of the picture, which has the label.
        (search-backward "[png picture")
        (should (pos-visible-in-window-p (line-beginning-position) window))
        (should (pos-visible-in-window-p (point-max) window))))))

;;; Speed

(ert-deftest reval-test-wait-ends-at-once ()
  "A wait is over when what it waits for is there, not 10 ms later."
  (reval-test-visiting "quick.py" "1\n"
    (reval-test-eval-line 1)
    (reval-test-shown 1 "⇒ 1")
    (reval-test-kernel-idle)
    (let* ((document (reval-document-current))
           (quickest (cl-loop repeat 50 minimize
                              (let ((start (float-time)))
                                (reval-command-request document "reval.state")
                                (- (float-time) start)))))
      ;; The best of many, so that a busy machine does not matter.
      (should (< quickest 0.008)))))

;;; reval-buffers-test.el ends here
