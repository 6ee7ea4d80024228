;;; reval-inspect.el --- What the kernel knows of a name  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; `reval-inspect' shows in a buffer what the kernel says of the name at
;; point: documentation, and with more detail the source.  Places in files are
;; links.

;;; Code:

(require 'reval-session)
(require 'reval-text)

(defvar-local reval-inspect--request nil
  "What was asked for this buffer: (DOCUMENT POSITION NAME DETAIL).")

(defvar reval-inspect-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map (make-composed-keymap button-buffer-map special-mode-map))
    (define-key map "d" #'reval-inspect-toggle-detail)
    map)
  "Keys in the buffer of `reval-inspect'.")

(define-derived-mode reval-inspect-mode special-mode "reval-inspect"
  "What the kernel knows of a name.

\\{reval-inspect-mode-map}"
  (setq-local revert-buffer-function
              (lambda (&rest _) (apply #'reval-inspect--ask reval-inspect--request))))

(defun reval-inspect (&optional detailed)
  "Show what the kernel knows of the name at point.
With a prefix argument DETAILED, show the source as well, where the
kernel has it."
  (interactive "P")
  (let ((document (reval-current-document)))
    (unless (reval-document-current)
      (user-error "Go to a name in the code to inspect it"))
    (reval-document-ready document)
    (reval-inspect--ask document (reval-document-position document)
                        (or (thing-at-point 'symbol t) "the text here")
                        (if detailed 1 0))))

(defun reval-inspect-toggle-detail ()
  "Show more, or less, about the name of this buffer."
  (interactive)
  (pcase-let ((`(,document ,position ,name ,detail) reval-inspect--request))
    (reval-inspect--ask document position name (- 1 detail))))

(defun reval-inspect--ask (document position name detail)
  "Ask for what is known of NAME at the LSP POSITION in DOCUMENT and show it.
DETAIL is 0, or 1 for the source as well."
  (reval-command-async
   document "reval.inspect" :argument (list :position position :detail detail)
   :then (lambda (result)
           (if (eq (plist-get result :found) t)
               (reval-inspect--show (list document position name detail) result)
             (message "reval: the kernel knows nothing of %s" name)))))

(defun reval-inspect--show (request result)
  "Show RESULT, an InspectResult, as the answer to REQUEST."
  (with-current-buffer (get-buffer-create "*reval-inspect*")
    (unless (derived-mode-p 'reval-inspect-mode)
      (reval-inspect-mode))
    (setq reval-inspect--request request)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert (reval-text-propertize (plist-get result :text) (plist-get result :spans)
                                     (plist-get result :links)))
      (unless (bolp) (insert "\n"))
      (goto-char (point-min)))
    (setq header-line-format
          (format " %s   d: %s   g: ask again   q: quit"
                  (string-replace "%" "%%" (nth 2 request))
                  (if (zerop (nth 3 request)) "with source" "without source")))
    (display-buffer (current-buffer))))

(provide 'reval-inspect)
;;; reval-inspect.el ends here
