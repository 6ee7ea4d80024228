;;; emacs.el --- What reval costs in Emacs, in milliseconds  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A frame under Xvfb, keys as a user types them, and the time until what came of
;; them has been drawn:
;;
;;     REVAL_BIN=bin/reval REVAL_BENCH_FOLDER=dir REVAL_BENCH_OUT=figures \
;;       emacs -Q -l internal/bench/editors/emacs.el
;;
;; The folder is empty and belongs to the run.  The kernels are those that the
;; environment finds: Python's for all, Go's for the thousand evaluations as well.
;; Each line of REVAL_BENCH_OUT is a name, a space, and an array of milliseconds:
;;
;;     one             each of REVAL_BENCH_N (200) times 1+1: from the key to the value
;;     ten             each of 20 times ten lines at once: from the first key to the last value
;;     big             a value of 2 MB, REVAL_BENCH_BIG (5) times
;;     big-pause       the longest time that Emacs took no key meanwhile, for each
;;     pictures        100 pictures of 50 KB, to the last one
;;     pictures-pause  the longest time that Emacs took no key meanwhile
;;     many            1,000 evaluations in a file of 10,000 lines
;;     typing          each of 1,000 characters typed into that file, to its drawing
;;     many-go, typing-go  the same with the Go kernel
;;
;; The last line is "end []", or "error" with what went wrong.

;;; Code:

(require 'json)

(defvar bench-folder (file-name-as-directory (expand-file-name (getenv "REVAL_BENCH_FOLDER"))))
(defvar bench-out (expand-file-name (getenv "REVAL_BENCH_OUT")))

;; The package is compiled, as one that was installed.  Another Emacs does it: a
;; compiler loads the sources of what it compiles.
(let ((elisp (expand-file-name "../../../elisp" (file-name-directory load-file-name)))
      (compiled (expand-file-name ".elisp" bench-folder)))
  (make-directory compiled t)
  (add-to-list 'load-path compiled)
  (dolist (file (directory-files elisp t "\\`reval.*\\.el\\'"))
    (copy-file file (file-name-as-directory compiled) t))
  (unless (zerop (apply #'call-process (expand-file-name invocation-name invocation-directory)
                        nil nil nil "-Q" "--batch" "-L" compiled "-f" "batch-byte-compile"
                        (directory-files compiled t "\\.el\\'")))
    (error "The package does not compile")))
(require 'reval)

(setq reval-command (list (expand-file-name (getenv "REVAL_BIN")) "lsp" "--standalone")
      ring-bell-function #'ignore
      inhibit-startup-screen t
      create-lockfiles nil
      make-backup-files nil)

(defun bench-number (name default)
  "Return the number in the environment variable NAME, or DEFAULT."
  (string-to-number (or (getenv name) (number-to-string default))))

(defun bench-tell (name values)
  "Write the line of NAME with VALUES, numbers or strings."
  (write-region (format "%s %s\n" name (json-encode (vconcat values)))
                nil bench-out t 'silent))

(defun bench-milliseconds (since)
  "Return how many milliseconds have passed SINCE then."
  (* 1000 (float-time (time-since since))))

;;; Emacs's own loop

(defun bench-until (drawn keys)
  "Type KEYS and let Emacs work until what DRAWN looks for was drawn.
DRAWN is called without arguments before each drawing; it is cheap.
Return how many milliseconds it took."
  (let* ((begin nil)
         (end nil)
         (press (lambda ()
                  ;; What the recursive edit changes in the mode line is drawn before.
                  (redisplay t)
                  (setq begin (current-time)
                        unread-command-events (listify-key-sequence (kbd keys)))))
         (leave (lambda ()
                  (redisplay)
                  (setq end (current-time))
                  (exit-recursive-edit)))
         (look (lambda (_windows)
                 (when (and begin drawn (funcall drawn))
                   (setq drawn nil)
                   ;; Timers run when this drawing is over.
                   (run-with-timer 0 nil leave))))
         (patience (run-with-timer 120 nil (lambda () (error "Waited in vain after %S" keys)))))
    (add-hook 'pre-redisplay-functions look)
    (unwind-protect
        (progn
          (run-with-timer 0 nil press)
          (recursive-edit))
      (cancel-timer patience)
      (remove-hook 'pre-redisplay-functions look))
    (* 1000 (float-time (time-subtract end begin)))))

(defun bench-pause (function)
  "Call FUNCTION and return the longest time that Emacs took no key meanwhile."
  (let* ((last (current-time))
         (longest 0)
         (timer (run-with-timer
                 0 0.002
                 (lambda ()
                   (setq longest (max longest (- (bench-milliseconds last) 2))
                         last (current-time))))))
    (unwind-protect (funcall function)
      (setq longest (max longest (- (bench-milliseconds last) 2)))
      (cancel-timer timer))
    longest))

(defun bench-visit (name text)
  "Visit the file NAME with TEXT and turn `reval-mode' on."
  (let ((file (expand-file-name name bench-folder)))
    (write-region text nil file nil 'silent)
    (find-file file)
    (delete-other-windows)
    (reval-mode)))

(defun bench-shows-p (line regexp)
  "Return a function that tells whether REGEXP stands beside LINE of this buffer."
  (let ((buffer (current-buffer))
        (end (save-excursion
               (goto-char (point-min))
               (forward-line (1- line))
               (line-end-position))))
    (lambda ()
      (with-current-buffer buffer
        (seq-some (lambda (overlay)
                    (string-match-p regexp (or (overlay-get overlay 'after-string) "")))
                  (overlays-in end (1+ end)))))))

(defun bench-evaluate (line regexp)
  "Evaluate LINE and return the milliseconds until REGEXP stood beside it."
  (goto-char (point-min))
  (forward-line (1- line))
  (bench-until (bench-shows-p line regexp) "C-c ; l"))

(defun bench-clear ()
  "Remove all results of the current buffer."
  (reval-clear t)
  (redisplay t))

;;; What is measured

(defun bench-one ()
  "Evaluate 1+1 again and again."
  (bench-visit "one.py" "1+1\n")
  (bench-evaluate 1 "⇒ 2")
  (bench-tell "one"
              (mapcar (lambda (_)
                        (bench-clear)
                        (bench-evaluate 1 "⇒ 2"))
                      (number-sequence 1 (bench-number "REVAL_BENCH_N" 200)))))

(defun bench-ten ()
  "Evaluate ten lines at once."
  (bench-visit "ten.py" (mapconcat (lambda (n) (format "1+%d\n" n)) (number-sequence 1 10) ""))
  (let (times)
    (dotimes (_ 21)
      (bench-clear)
      (goto-char (point-min))
      (push (bench-until (bench-shows-p 10 "⇒ 11")
                         (mapconcat #'identity (make-list 10 "C-c ; l C-n") " "))
            times))
    (bench-tell "ten" (cdr (nreverse times)))))

(defun bench-big ()
  "Evaluate to a value of 2 MB."
  (bench-visit "big.py" "'x' * 2000000\n")
  (let (times pauses)
    (dotimes (_ (bench-number "REVAL_BENCH_BIG" 5))
      (bench-clear)
      (push (bench-pause (lambda () (push (bench-evaluate 1 "⇒ 'xxx") times))) pauses))
    (bench-tell "big" (nreverse times))
    (bench-tell "big-pause" (nreverse pauses))))

(defun bench-pictures ()
  "Show 100 pictures."
  (bench-visit "pictures.py" "import os, struct, zlib
from IPython.display import Image, display
def chunk(kind, data): return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
def rows(): return b''.join(b'\\0' + os.urandom(3 * 128) for _ in range(128))
def picture(): return b'\\x89PNG\\r\\n\\x1a\\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 128, 128, 8, 2, 0, 0, 0)) + chunk(b'IDAT', zlib.compress(rows())) + chunk(b'IEND', b'')
pictures = [picture() for _ in range(100)]
# %%
for data in pictures: display(Image(data=data))
print('the last')
")
  (goto-char (point-min))
  (bench-until (bench-shows-p 6 "✓") "C-c ; c")
  (goto-char (point-max))
  (forward-line -1)
  (let* ((drawn (bench-shows-p 9 "[⇒✓]"))
         (time nil)
         (pause (bench-pause (lambda () (setq time (bench-until drawn "C-c ; c"))))))
    (bench-tell "pictures" (list time))
    (bench-tell "pictures-pause" (list pause))))

(defun bench-many (name suffix &optional count)
  "Evaluate COUNT (1,000) of the 10,000 lines of the file NAME, and type into it.
The names of the figures end in SUFFIX."
  (setq count (or count (bench-number "REVAL_BENCH_MANY" 1000)))
  (bench-visit name (mapconcat (lambda (n) (format "%d+%d\n" n n))
                               (number-sequence 1 10000) ""))
  (bench-evaluate 1 "[⇒✓]")
  (goto-char (point-min))
  (forward-line 9)
  (bench-tell
   (concat "many" suffix)
   (list (bench-until (bench-shows-p (* 10 count)
                                     (format "⇒ %d$" (* 20 count)))
                      (format "C-u %s C-c ; B"
                              (string-join (split-string (number-to-string count) "" t) " ")))))
  (let ((current-prefix-arg nil)        ; it was the count
        times)
    (dotimes (n 1000)
      (goto-char (point-min))
      (forward-line (% (* 7919 n) 10000))
      (end-of-line)
      (redisplay)
      (setq last-command-event ?0)
      (let ((begin (current-time)))
        (call-interactively #'self-insert-command)
        (redisplay)
        (push (bench-milliseconds begin) times))
      ;; What the edits bring about must not be put off for ever.
      (when (zerop (% n 100)) (sit-for 0.4)))
    (bench-tell (concat "typing" suffix) (nreverse times)))
  (set-buffer-modified-p nil))

(defun bench-every-tenth-line (count)
  "Evaluate COUNT lines, each the tenth after the one before, beginning here."
  (interactive "p")
  (dotimes (_ count)
    (reval-eval-line 1)
    (forward-line 10)))
(define-key reval-command-map "B" #'bench-every-tenth-line)

(define-derived-mode bench-go-mode prog-mode "Go"
  "Go, where go-mode is not installed.")
(add-to-list 'reval-language-ids '(bench-go-mode . "go"))
(add-to-list 'auto-mode-alist '("\\.go\\'" . bench-go-mode))

(defun bench-run ()
  "Measure all, or what REVAL_BENCH_ONLY names, and end Emacs."
  (let ((only (split-string (or (getenv "REVAL_BENCH_ONLY") "one ten big pictures many many-go"))))
    (condition-case err
        (progn
          (dolist (what only)
            (pcase what
              ("one" (bench-one))
              ("ten" (bench-ten))
              ("big" (bench-big))
              ("pictures" (bench-pictures))
              ("many" (bench-many "many.py" ""))
              ("many-go" (bench-many "many.go" "-go"))))
          (bench-tell "end" nil))
      (error (bench-tell "error" (list (error-message-string err))))))
  (kill-emacs))

(run-with-timer 0.2 nil (lambda () (bench-run)))

;;; emacs.el ends here
