;;; lint.el --- The linters of Emacs Lisp, in batch  -*- lexical-binding: t; no-byte-compile: t -*-

;;; Commentary:
;; emacs -q --batch -L elisp -l scripts/lint.el -f reval-lint FILE...
;; prints every complaint as FILE:LINE: and exits with status 1 if there was one.

;;; Code:

(require 'checkdoc)
(require 'package-lint)

(defvar reval-lint-complaints 0
  "How many complaints were printed.")

(defun reval-lint-complain (file line format &rest args)
  "Print a complaint about LINE of FILE, made by FORMAT and ARGS."
  (setq reval-lint-complaints (1+ reval-lint-complaints))
  (message "%s:%d: %s" file line (apply #'format format args)))

(defun reval-lint-compile (file)
  "Byte-compile FILE, with its warnings as errors and no .elc beside it.
An Emacs of its own does it, which knows nothing of FILE from elsewhere: so
does the one that compiles natively in the user's."
  (let ((target (make-temp-file "reval-lint" nil ".elc")))
    (unwind-protect
        (with-temp-buffer
          (unless (eq 0 (call-process
                         (expand-file-name invocation-name invocation-directory) nil t nil
                         "-q" "--batch" "-L" (file-name-directory (expand-file-name file))
                         "--eval"
                         (format "%S" `(setq byte-compile-error-on-warn t
                                             byte-compile-dest-file-function
                                             (lambda (_) ,target)))
                         "-f" "batch-byte-compile" file))
            (reval-lint-complain file 1 "does not byte-compile cleanly:\n%s" (buffer-string))))
      (delete-file target))))

(defun reval-lint-checkdoc (file)
  "Complain about what checkdoc finds in FILE."
  (with-current-buffer (find-file-noselect file)
    (let* ((checkdoc-spellcheck-documentation-flag nil)
           (checkdoc-autofix-flag 'never)
           (checkdoc-create-error-function
            (lambda (text start _end &optional _unfixable)
              (reval-lint-complain file (line-number-at-pos start t) "%s" text)
              nil)))
      (checkdoc-current-buffer t))))

(defconst reval-lint-outdated "\\`This makes the package uninstallable in all released Emacs"
  "What package-lint 0.16 of Debian 12, older than Emacs 28, says of depending on that.")

(defun reval-lint-package (file)
  "Complain about what package-lint finds in FILE, if reval.el is beside it."
  (let ((package-lint-main-file (expand-file-name "reval.el" (file-name-directory (expand-file-name file)))))
    (when (file-exists-p package-lint-main-file)
      (with-current-buffer (find-file-noselect file)
        (pcase-dolist (`(,line ,_column ,_kind ,text) (package-lint-buffer))
          (unless (string-match-p reval-lint-outdated text)
            (reval-lint-complain file line "%s" text)))))))

(defun reval-lint ()
  "Lint the files on the command line."
  (dolist (file (prog1 command-line-args-left (setq command-line-args-left nil)))
    (reval-lint-compile file)
    (reval-lint-checkdoc file)
    (reval-lint-package file))
  (kill-emacs (if (zerop reval-lint-complaints) 0 1)))

;;; lint.el ends here
