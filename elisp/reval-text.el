;;; reval-text.el --- Styled text and links  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; What the server sends to be shown: text with spans (styles) and links
;; (places in files), both by offset, which it counts in code points as Emacs
;; counts characters.

;;; Code:

(require 'ansi-color)
(require 'button)
(require 'reval-connection)

(defface reval-link '((t :inherit link))
  "Face of places in files that a text names."
  :group 'reval)

(defun reval-text-propertize (text &optional spans links)
  "Return TEXT with the faces that SPANS name and with LINKS as buttons."
  (let ((text (copy-sequence text))
        (size (length text)))
    (seq-doseq (span spans)
      (when-let ((face (reval-text--face (plist-get span :style))))
        (add-face-text-property (min size (plist-get span :start))
                                (min size (plist-get span :end))
                                face nil text)))
    (seq-doseq (link links)
      (let ((beg (min size (plist-get link :start)))
            (end (min size (plist-get link :end))))
        (add-face-text-property beg end 'reval-link nil text)
        (add-text-properties
         beg end
         (list 'button '(t) 'category (button-category-symbol 'reval-text-link)
               'reval-link link)
         text)))
    text))

;;; Styles

(defun reval-text--face (style)
  "Return the face attributes that STYLE, a plist, means; nil for a plain one."
  (let ((faces (delq nil (list (and (plist-get style :bold) 'ansi-color-bold)
                               (and (plist-get style :faint) 'ansi-color-faint)
                               (and (plist-get style :italic) 'ansi-color-italic)
                               (and (plist-get style :underline)
                                    'ansi-color-underline)))))
    (append (and faces (list :inherit faces))
            (and (plist-get style :inverse) '(:inverse-video t))
            (and (plist-get style :strike) '(:strike-through t))
            (when-let ((color (reval-text--color (plist-get style :fg))))
              (list :foreground color))
            (when-let ((color (reval-text--color (plist-get style :bg))))
              (list :background color)))))

(defun reval-text--color (name)
  "Return the colour that NAME, of a terminal's sixteen or #rrggbb, is here."
  (when name
    (let ((face (intern-soft (concat "ansi-color-" name))))
      (if (facep face)
          ;; These faces have the colour as their background too.
          (face-foreground face nil t)
        name))))

;;; Links

(define-button-type 'reval-text-link
  'action #'reval-text--follow
  'follow-link t
  'face 'reval-link
  'help-echo "mouse-1, RET: go there")

(defvar-local reval-text-link-place-function #'identity
  "Function that gives a link as it leads now: its code may have moved.")

(defun reval-text--follow (button)
  "Go to the place that BUTTON names."
  (let* ((link (funcall reval-text-link-place-function (button-get button 'reval-link)))
         (path (reval-uri-to-path (plist-get link :uri)))
         (buffer (if path
                     (if (file-exists-p path)
                         (find-file-noselect path)
                       (user-error "There is no file %s" path))
                   (reval-text--untitled (plist-get link :uri)))))
    (pop-to-buffer buffer)
    (push-mark nil t)
    (widen)
    (goto-char (point-min))
    (forward-line (plist-get link :line))
    (back-to-indentation)))

(defun reval-text--untitled (uri)
  "Return the buffer without a file that URI names."
  (let ((name (reval-uri-key (string-remove-prefix "untitled:" uri))))
    ;; A file on another host has no URI for the server.
    (or (get-buffer name)
        (get-file-buffer name)
        (user-error "There is no buffer %s" name))))

;;; Words and signs

(defvar reval-text--displayable (make-hash-table :test #'equal)
  "Table of (KIND-OF-FRAME . SYMBOL) → `yes' or `no'.
To look for a font takes longer than all else that is done for a value.")

(defun reval-text-symbol (symbol plain)
  "Return the string SYMBOL where it can be displayed, else the string PLAIN."
  (let* ((key (cons (framep (selected-frame)) symbol))
         (known (gethash key reval-text--displayable)))
    (unless known
      (setq known (if (seq-every-p #'char-displayable-p symbol) 'yes 'no))
      (puthash key known reval-text--displayable))
    (if (eq known 'yes) symbol plain)))

(defun reval-text-time (milliseconds)
  "Return MILLISECONDS in the unit that a reader wants."
  (cond ((< milliseconds 1) (format "%d µs" (* 1000 milliseconds)))
        ((< milliseconds 1000) (format "%d ms" milliseconds))
        ((< milliseconds 60000)
         (concat (string-remove-suffix ".0" (format "%.1f" (/ milliseconds 1000.0))) " s"))
        (t (format "%d min %d s" (/ (floor milliseconds) 60000)
                   (% (/ (floor milliseconds) 1000) 60)))))

(provide 'reval-text)
;;; reval-text.el ends here
