;;; reval-expression.el --- The expression before point  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; What `reval-eval-last-sexp' evaluates.  In Lisp that is the expression of the
;; syntax table.  Elsewhere it is the operand that ends at point: a name, a
;; literal or brackets, with all that it is called on, indexed or taken from, and
;; with what stands before it and belongs to it: a sign, await, new.

;;; Code:

(require 'reval-document)
(require 'seq)

(defconst reval-expression--joints
  '(("python" . "\\.")
    ("r" . "\\$\\|@\\|::\\|\\.\\||>\\|%>%")
    ("julia" . "\\.\\||>")
    (t . "\\.\\|::"))
  "Alist of language identifier → regexp of what joins a name to what it is of.
What only begins otherwise is found by its end, like JavaScript's ?.")

(defconst reval-expression--signs
  '(("python" . "[-+~]") ("go" . "[-+!^&*]\\|<-") (t . "[-+!~]"))
  "Alist of language identifier → regexp of operators that stand before an operand.")

(defconst reval-expression--nothing-before
  (concat "\\(?:^\\|[-+*/%&|^=>!~([{,:;]\\|<[ \t]\\|"
          "\\_<\\(?:return\\|in\\|and\\|or\\|not\\|if\\|else\\)\\_>\\)")
  "What stands before a sign, where it is not between two operands.")

(defconst reval-expression--words "\\_<\\(?:await\\|new\\)[ \t]+"
  "Words before an operand without which it is something else.")

(defconst reval-expression--number
  "\\(?:[0-9][0-9_]*\\.?[0-9_]*\\|\\.[0-9][0-9_]*\\)\\(?:[eE][-+]?[0-9_]+\\)?[a-zA-Z]?"
  "A number that the syntax table may take for several things.")

(defun reval-expression-bounds ()
  "Return (BEG . END) of the expression before point.
A comment at point, separators and blanks behind it are no part of it."
  (save-excursion
    (reval-expression--go-behind)
    (let* ((lisp (derived-mode-p 'lisp-data-mode 'scheme-mode))
           (end (reval-expression--skip-back (if lisp "" ":;,"))))
      (condition-case nil
          (if lisp (backward-sexp) (reval-expression--operand-start))
        (scan-error (user-error "No expression before point")))
      (unless (< (point) end)
        (user-error "No expression before point"))
      (cons (point) end))))

(defun reval-expression--go-behind ()
  "Go behind what point is meant to be behind.
In evil's normal state that is the character under the cursor."
  (when (and (bound-and-true-p evil-local-mode)
             (memq (bound-and-true-p evil-state) '(normal motion))
             (not (bound-and-true-p evil-move-beyond-eol))
             (not (eolp)))
    (forward-char))
  (let ((state (syntax-ppss)))
    (when (nth 4 state)
      (goto-char (nth 8 state)))))

(defun reval-expression--skip-back (more)
  "Go back over blanks, comments and the characters in the string MORE.
Return point."
  (while (progn (forward-comment (- (point)))
                (< (skip-chars-backward more) 0)))
  (point))

(defun reval-expression--operand-start ()
  "Go to the start of the operand that ends at point."
  (let ((language (reval-document-language-id))
        ;; python.el takes the whole statement for an expression.
        (forward-sexp-function nil))
    (unless (reval-expression--number-start)
      (backward-sexp)
      (while (reval-expression--more-p language)
        (backward-sexp)))
    (reval-expression--prefixes language)))

(defun reval-expression--number-start ()
  "Go to the start of the number that ends at point, or return nil."
  (let ((end (point))
        (chars "0-9a-zA-Z_."))
    (skip-chars-backward chars)
    (when (looking-back "[0-9_.][eE][-+]" (- (point) 3))
      (backward-char)
      (skip-chars-backward chars))
    (or (and (looking-at reval-expression--number)
             (= (match-end 0) end))
        (progn (goto-char end)
               nil))))

(defun reval-expression--more-p (language)
  "Go behind what is before point and belongs to what is behind it, in LANGUAGE.
Return nil if there is none."
  (or (reval-expression--applied-p language)
      (let ((joints (reval-expression--of reval-expression--joints language))
            (start (point)))
        (forward-comment (- (point)))
        (if (and (looking-back joints (- (point) 3))
                 (progn (goto-char (match-beginning 0))
                        (skip-chars-backward "?&:")
                        (forward-comment (- (point)))
                        (reval-expression--operand-end-p)))
            t
          (goto-char start)
          nil))))

(defun reval-expression--applied-p (language)
  "Return non-nil if the brackets or the string at point belong to what is before.
In LANGUAGE, so does what Go has behind a type's brackets."
  (or (and (or (memq (char-after) '(?\( ?\[))
               (reval-expression--syntax-p (point) "\"|")
               (and (eq (char-after) ?\{) (member language '("go" "julia"))))
           (reval-expression--operand-end-p))
      (and (equal language "go")
           (eq (char-before) ?\])
           (not (eq (char-after) ?\{)))))

(defun reval-expression--operand-end-p ()
  "Return non-nil if an operand ends right before point."
  (reval-expression--syntax-p (1- (point)) "w_)\"|"))

(defun reval-expression--syntax-p (pos classes)
  "Return non-nil if the character at POS has one of the syntax CLASSES, a string.
A text property may say another than the table."
  (when-let ((class (syntax-class (syntax-after pos))))
    (seq-contains-p classes (syntax-class-to-char class))))

(defun reval-expression--prefixes (language)
  "Go over what stands before the operand at point and belongs to it, in LANGUAGE."
  (let ((signs (reval-expression--of reval-expression--signs language)))
    (while (or (reval-expression--back-over reval-expression--words)
               (reval-expression--back-over
                (concat reval-expression--nothing-before "[ \t]*\\(" signs "\\)"))))))

(defun reval-expression--back-over (regexp)
  "Go to the start of REGEXP, or of its group, if it ends at point, or return nil."
  (when (looking-back regexp (line-beginning-position))
    (goto-char (or (match-beginning 1) (match-beginning 0)))))

(defun reval-expression--of (alist language)
  "Return what ALIST has for LANGUAGE, or for all others, t."
  (cdr (or (assoc language alist) (assq t alist))))

(provide 'reval-expression)
;;; reval-expression.el ends here
