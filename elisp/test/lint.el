;;; lint.el --- Compile and check the package  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Run as: emacs -Q --batch -l elisp/test/lint.el
;;
;; Byte-compiles (into a folder that is removed), runs checkdoc, and package-lint
;; where it is installed.  What they say goes to stderr; then the exit status
;; is 1.

;;; Code:

(require 'bytecomp)
(require 'checkdoc)
(require 'cl-lib)
(require 'package)

(defvar reval-lint--complaints 0
  "How many things were found.")

(defun reval-lint--complain (file line text)
  "Say that TEXT was found in LINE of FILE."
  (cl-incf reval-lint--complaints)
  (message "%s:%s: %s" (file-name-nondirectory file) line text))

(defun reval-lint--compile (file folder)
  "Byte-compile FILE into FOLDER."
  (let* ((byte-compile-error-on-warn t)
         (byte-compile-dest-file-function
          (lambda (source)
            (expand-file-name (concat (file-name-nondirectory source) "c") folder))))
    (unless (byte-compile-file file)
      (reval-lint--complain file 1 "does not compile"))))

(defun reval-lint--checkdoc (file)
  "Check the documentation strings of FILE."
  (let ((checkdoc-create-error-function
         (lambda (text start _end &optional _unfixable)
           (reval-lint--complain file (if start (line-number-at-pos start) 1) text)
           nil)))
    (with-current-buffer (find-file-noselect file)
      (checkdoc-current-buffer t))))

(declare-function package-lint-buffer "package-lint")
(defvar package-lint-main-file)

(defun reval-lint--package-lint (file main)
  "Check FILE as a part of the package whose main file is MAIN."
  (setq package-lint-main-file main)
  (with-current-buffer (find-file-noselect file)
    (pcase-dolist (`(,line ,_column ,_type ,text) (package-lint-buffer))
      ;; package-lint 0.16, of Debian 12, does not know that 28.1 is out.
      (unless (string-match-p "uninstallable in all released Emacs" text)
        (reval-lint--complain file line text)))))

(let* ((folder (expand-file-name
                ".." (file-name-directory (or load-file-name buffer-file-name))))
       (files (directory-files folder t "\\.el\\'"))
       (compiled (make-temp-file "reval-lint" t)))
  (add-to-list 'load-path folder)
  ;; Where Debian puts packages; -Q leaves it out.
  (add-to-list 'package-directory-list "/usr/share/emacs/site-lisp/elpa")
  (package-initialize)
  (let ((lint (require 'package-lint nil t)))
    (unless lint
      (message "package-lint is not installed: not run"))
    (dolist (file files)
      (reval-lint--compile file compiled)
      (reval-lint--checkdoc file)
      (when lint
        (reval-lint--package-lint file (expand-file-name "reval.el" folder)))))
  (delete-directory compiled t)
  (kill-emacs (if (zerop reval-lint--complaints) 0 1)))

;;; lint.el ends here
