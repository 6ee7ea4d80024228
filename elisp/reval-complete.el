;;; reval-complete.el --- Completion and ElDoc from the live namespace  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Completion asks the server, which asks the kernel, and answers in time
;; even while the kernel is busy.  It is asked once when a completion begins:
;; only the answer says where the text to replace begins (the kernel also
;; completes keys, magics and file names).  The wait ends at the first key.
;;
;; ElDoc shows the name at point, or, where there is none, the signature of
;; the function whose arguments are being written.

;;; Code:

(require 'reval-document)
(require 'reval-session)
(require 'reval-text)

(defcustom reval-completion-timeout 2
  "Seconds to wait for completions, if no key is typed meanwhile."
  :type 'number
  :group 'reval)

(defconst reval-complete--kinds
  [nil text method function constructor field variable class interface module
       property unit value enum keyword snippet color file reference folder
       enum-member constant struct event operator type-parameter]
  "Kinds of completion as completion front ends name them, by LSP number.")

(defun reval-completion-at-point ()
  "Complete at point from what the kernel of this buffer knows.
It is a function for `completion-at-point-functions'."
  (let ((document (reval-document-current)))
    (when (and document (reval-complete--kernel-p document))
      (when-let ((answer (reval-complete--ask document)))
        (reval-complete--capf document answer)))))

(defun reval-complete--kernel-p (document)
  "Return non-nil if DOCUMENT has a kernel that can be asked."
  (let ((session (reval-document-session document)))
    (and session
         (member (reval-session-state session) '("idle" "busy"))
         (reval-connection-live-p (reval-document-connection document)))))

(defun reval-complete--ask (document)
  "Return the server's completions at point in DOCUMENT, nil if there are none.
The value is a plist of :start, a buffer position, :incomplete, and
:items, a list of candidates: strings with the item as a property."
  (reval-document-flush document)
  (let* ((answer (reval-connection-request
                  (reval-document-connection document) :textDocument/completion
                  (append (reval-document-identifier document)
                          (list :position (reval-document-position document)
                                :context (reval-complete--context document)))
                  :timeout reval-completion-timeout :interruptible t))
         (items (sort (append (if (vectorp answer) answer (plist-get answer :items)) nil)
                      (lambda (a b)
                        (string< (reval-complete--sort-text a)
                                 (reval-complete--sort-text b))))))
    (when items
      (let* ((range (plist-get (plist-get (car items) :textEdit) :range))
             (symbol (bounds-of-thing-at-point 'symbol)))
        (list :start (cond (range (reval-document-point document (plist-get range :start)))
                           (symbol (car symbol))
                           (t (point)))
              :incomplete (and (not (vectorp answer))
                               (eq (plist-get answer :isIncomplete) t))
              :items (mapcar #'reval-complete--candidate items))))))

(defun reval-complete--context (document)
  "Return the CompletionContext at point in DOCUMENT.
A character that was just typed may be what asks; the server then knows
whether it does so there."
  (if (and (eql last-command-event (char-before))
           (reval-complete--trigger-p document))
      (list :triggerKind 2 :triggerCharacter (string (char-before)))
    '(:triggerKind 1)))

(defun reval-complete--trigger-p (document)
  "Return non-nil if a character that triggers completion is before point.
The server of DOCUMENT says which they are."
  (memq (char-before)
        (reval-connection-triggers (reval-document-connection document))))

(defun reval-complete--sort-text (item)
  "Return the text by which ITEM is ordered."
  (or (plist-get item :sortText) (plist-get item :label)))

(defun reval-complete--candidate (item)
  "Return the text to insert for ITEM, with ITEM as its property."
  (propertize (or (plist-get (plist-get item :textEdit) :newText)
                  (plist-get item :insertText)
                  (plist-get item :label))
              'reval-item item))

(defun reval-complete--capf (document answer)
  "Return ANSWER, completions in DOCUMENT, as completion at point wants it."
  (let ((start (plist-get answer :start))
        (asked (buffer-substring-no-properties (plist-get answer :start) (point))))
    (list
     start (point)
     (lambda (string predicate action)
       (cond
        ((eq action 'metadata)
         '(metadata (category . reval-completion)
                    (display-sort-function . identity)
                    (cycle-sort-function . identity)))
        ((eq (car-safe action) 'boundaries) nil)
        (t
         ;; A busy kernel answers in part; more may be known a letter later.
         (when (and (plist-get answer :incomplete) (not (equal string asked))
                    (eq document (reval-document-current)))
           (setq asked string
                 answer (or (reval-complete--ask document) answer)))
         (complete-with-action action (plist-get answer :items) string predicate))))
     :exclusive 'no
     ;; Where there is no word yet, front ends that wait for some letters need not.
     :company-prefix-length (and (= start (point)) (reval-complete--trigger-p document) t)
     :annotation-function #'reval-complete--annotation
     :company-kind #'reval-complete--kind
     :company-doc-buffer (lambda (candidate)
                           (reval-complete--doc-buffer document candidate))
     :company-docsig #'reval-complete--detail
     :exit-function (lambda (candidate status)
                      (when (memq status '(finished exact sole))
                        (reval-complete--edit document (plist-get answer :items) candidate))))))

(defun reval-complete--edit (document items candidate)
  "Make the edits in DOCUMENT that come with CANDIDATE of ITEMS.
Such an edit is an import of what the candidate needs."
  (when-let ((found (and (eq document (reval-document-current))
                         (seq-find (lambda (item) (string= item candidate)) items))))
    (save-excursion
      ;; They stand above the completion, the last one is made first.
      (dolist (edit (reverse (append (plist-get (reval-complete--item found) :additionalTextEdits)
                                     nil)))
        (let ((range (plist-get edit :range)))
          (goto-char (reval-document-point document (plist-get range :end)))
          (delete-region (reval-document-point document (plist-get range :start)) (point))
          (insert (plist-get edit :newText)))))))

(defun reval-complete--item (candidate)
  "Return the item that CANDIDATE stands for."
  (get-text-property 0 'reval-item candidate))

(defun reval-complete--kind (candidate)
  "Return the kind of CANDIDATE, a symbol."
  (let ((kind (plist-get (reval-complete--item candidate) :kind)))
    (and kind (< kind (length reval-complete--kinds)) (aref reval-complete--kinds kind))))

(defun reval-complete--detail (candidate)
  "Return the type or signature of CANDIDATE, or nil."
  (let ((detail (plist-get (reval-complete--item candidate) :detail)))
    (and detail (not (string-empty-p detail)) detail)))

(defun reval-complete--annotation (candidate)
  "Return what is shown behind CANDIDATE: its kind, for each of them is as wide.
Its signature is `reval-complete--detail'."
  (when-let ((kind (reval-complete--kind candidate)))
    (concat " " (symbol-name kind))))

(defun reval-complete--doc-buffer (document candidate)
  "Return a buffer with the documentation of CANDIDATE in DOCUMENT, or nil."
  (when (reval-connection-live-p (reval-document-connection document))
    (let* ((item (reval-connection-request
                  (reval-document-connection document) :completionItem/resolve
                  (reval-complete--item candidate)
                  :timeout reval-completion-timeout :interruptible t))
           (text (reval-complete--markup-text (plist-get item :documentation))))
      (unless (string-empty-p text)
        (with-current-buffer (get-buffer-create " *reval doc*")
          (erase-buffer)
          (insert text)
          (goto-char (point-min))
          (current-buffer))))))

(defun reval-complete--markup-text (markup)
  "Return the text of MARKUP: a string, a MarkupContent, MarkedStrings or nil."
  (cond ((stringp markup) markup)
        ((vectorp markup) (mapconcat #'reval-complete--markup-text markup "\n"))
        (t (or (plist-get markup :value) ""))))

;;; ElDoc

(defun reval-complete--one-line (text)
  "Return the beginning of TEXT, what a kernel knows of a name, as one line.
The first lines are, say, the type, the value and what it is for."
  (mapconcat (lambda (line) (replace-regexp-in-string "[ \t]+" " " line))
             (seq-take (split-string text "\n" t "[ \t]+") 3)
             (reval-text-symbol " · " " | ")))

(defun reval-complete--at-point (method capable answer)
  "Ask the server METHOD about point, unless the function CAPABLE gives nil.
Call ANSWER with the result in the current buffer, unless point has moved
meanwhile.  Return non-nil if the server was asked."
  (let ((document (reval-document-current))
        (buffer (current-buffer))
        (pos (point)))
    (when (and document (reval-complete--kernel-p document) (funcall capable))
      (reval-document-flush document)
      (reval-connection-async
       (reval-document-connection document) method
       (append (reval-document-identifier document)
               (list :position (reval-document-position document)))
       :success
       (lambda (result)
         (when (buffer-live-p buffer)
           (with-current-buffer buffer
             (when (= pos (point))
               (funcall answer result)))))
       :failure #'ignore)
      ;; The answer comes later.
      t)))

(defun reval-eldoc-function (callback &rest _)
  "Tell CALLBACK what the kernel knows of the name at point.
It is a function for `eldoc-documentation-functions'."
  (reval-complete--at-point
   :textDocument/hover (lambda () (thing-at-point 'symbol))
   (lambda (hover)
     (let ((line (reval-complete--one-line
                  (reval-complete--markup-text (plist-get hover :contents)))))
       (unless (string-empty-p line)
         (funcall callback line))))))

(defun reval-complete--signature-text (help)
  "Return the signature in HELP, its active parameter highlighted; nil if none."
  (when-let ((signatures (plist-get help :signatures))
             (signature (and (> (length signatures) 0) (elt signatures 0))))
    (let* ((label (copy-sequence (plist-get signature :label)))
           (parameters (plist-get signature :parameters))
           (active (plist-get help :activeParameter))
           (parameter (and (natnump active) (< active (length parameters))
                           (plist-get (elt parameters active) :label)))
           (from 0))
      (when parameter
        ;; Each is looked for behind those before it.
        (dotimes (n (1+ active))
          (let ((text (plist-get (elt parameters n) :label)))
            (when-let ((at (and from (string-search text label from))))
              (when (= n active)
                (add-face-text-property at (+ at (length text))
                                        'eldoc-highlight-function-argument
                                        nil label))
              (setq from (+ at (length text)))))))
      label)))

(defun reval-eldoc-signature-function (callback &rest _)
  "Tell CALLBACK the signature of the function whose arguments point is in.
It is a function for `eldoc-documentation-functions'."
  (reval-complete--at-point
   :textDocument/signatureHelp (lambda () (> (nth 0 (syntax-ppss)) 0))
   (lambda (help)
     (when-let ((text (reval-complete--signature-text help)))
       (funcall callback text)))))

(provide 'reval-complete)
;;; reval-complete.el ends here
