;;; reval-document.el --- Buffers as the server sees them  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A document is a buffer that the server knows: its URI, its version, and
;; the edits that the server has not seen yet.
;;
;; What must stay true here:
;;
;; - The server's text is the whole buffer, whatever it is narrowed to, with
;;   \n at the end of each line, whatever the coding system of the file says.
;; - Every character of the buffer is one character there.  What JSON or LSP
;;   cannot carry (raw bytes, lone \r) is replaced one for one, so that
;;   positions stay right.
;; - Edits are sent before every request, and else a moment later, in the
;;   order in which they were made.
;; - An indirect buffer has the text of its base buffer, and so its document.

;;; Code:

(require 'reval-connection)

(defcustom reval-language-ids
  '((python-mode . "python") (python-ts-mode . "python")
    (ess-r-mode . "r") (julia-mode . "julia") (julia-ts-mode . "julia")
    (ess-julia-mode . "julia")
    (go-mode . "go") (go-ts-mode . "go")
    (typescript-mode . "typescript") (typescript-ts-mode . "typescript")
    (js-mode . "javascript") (js2-mode . "javascript") (js-ts-mode . "javascript")
    (sh-mode . "shellscript") (bash-ts-mode . "shellscript")
    (scheme-mode . "scheme") (ruby-mode . "ruby") (ruby-ts-mode . "ruby")
    (lua-mode . "lua") (lua-ts-mode . "lua"))
  "Alist of major mode → language identifier of LSP.
A mode that derives from one listed here has the same language.  Of any
other mode the name says the language, without \"-mode\" or \"-ts-mode\"."
  :type '(alist :key-type symbol :value-type string)
  ;; A file that sets it chooses what its text is run as.
  :risky t
  :group 'reval)

(defcustom reval-sync-delay 0.3
  "Seconds after which edits are sent to the server, with those made meanwhile."
  :type 'number
  :group 'reval)

(cl-defstruct (reval-document (:constructor reval-document--make) (:copier nil))
  "A buffer that the server knows."
  buffer
  uri
  (version 0)
  connection             ; also one that ended, until there is another
  session                ; of its kernel, nil before the server told
  former                 ; the session that it had when its server ended, or nil
  clones                 ; indirect buffers of its buffer in which `reval-mode' is on
  chosen                 ; non-nil when its user chose the kernel
  open                   ; non-nil after didOpen
  changes                ; edits not sent, last first, or `full'
  before                 ; (BEG END START-POSITION END-POSITION NEAR) of an edit to come
  tick                   ; `buffer-chars-modified-tick' after the last edit that was noted
  near                   ; (TICK LINE . BEGINNING) of a line, while that is the tick
  timer                  ; sends the edits
  queue                  ; the buffer of `reval-queue' for it, or nil
  evaluations            ; those with a result in the buffer
  flash                  ; (TIMER . OVERLAYS) of code that is lit up, or nil
  restoring              ; non-nil while the server is asked for all of them
  width)                 ; of its windows in columns, when they last changed

(defvar-local reval-document--current nil
  "The document of this buffer.")
;; A revert sets the major mode anew; results are to survive it.
(put 'reval-document--current 'permanent-local t)

(defun reval-document-current ()
  "Return the document of the current buffer, or nil."
  reval-document--current)

;;; Opening and closing

(defun reval-document-attach ()
  "Make the current buffer a document, or a clone of its base buffer's.
Follow its edits and return the document.  No server is started."
  (unless reval-document--current
    (let ((shared (and (buffer-base-buffer)
                       (buffer-local-value 'reval-document--current (buffer-base-buffer)))))
      (setq reval-document--current
            (or shared (reval-document--make :buffer (current-buffer)
                                             :uri (reval-document--uri))))))
  (let ((document reval-document--current))
    (when (reval-document-clone-p)
      (cl-pushnew (current-buffer) (reval-document-clones document)))
    (add-hook 'before-change-functions #'reval-document--before-change nil t)
    (add-hook 'after-change-functions #'reval-document--after-change nil t)
    (add-hook 'kill-buffer-hook #'reval-document-detach nil t)
    (add-hook 'after-set-visited-file-name-hook #'reval-document--renamed nil t)
    document))

(defun reval-document-clone-p ()
  "Return non-nil if the current buffer's document is that of its base buffer."
  (and reval-document--current
       (not (eq (current-buffer) (reval-document-buffer reval-document--current)))))

(defun reval-document-suspend ()
  "Stop to follow the edits of the current buffer, but keep its document."
  (remove-hook 'before-change-functions #'reval-document--before-change t)
  (remove-hook 'after-change-functions #'reval-document--after-change t)
  (remove-hook 'kill-buffer-hook #'reval-document-detach t)
  (remove-hook 'after-set-visited-file-name-hook #'reval-document--renamed t)
  (when reval-document--current
    ;; Edits go unseen from here on.
    (setf (reval-document-changes reval-document--current) 'full)))

(defun reval-document-detach ()
  "Close the document of the current buffer and forget it.
A clone is only forgotten itself."
  (let ((document reval-document--current))
    (if (reval-document-clone-p)
        (setf (reval-document-clones document)
              (delq (current-buffer) (reval-document-clones document)))
      (reval-document-suspend)
      (when document
        (reval-document--close document)))
    (kill-local-variable 'reval-document--current)))

(defun reval-document-connect (document)
  "Open DOCUMENT on the server of its project and return the connection.
The server is started where needed, and is not waited for.  If it takes
the place of one that ended, all documents of that one are opened.  One
that lives goes on to serve a buffer that was written to another project."
  (if (reval-document-connected-p document)
      (reval-document-connection document)
    (with-current-buffer (reval-document-buffer document)
      (let* ((root (reval-connection-project-root))
             (before (reval-connection-last root))
             (connection (reval-connection-ensure root)))
        (reval-document--close document)
        (setf (reval-document-connection document) connection)
        (puthash (reval-uri-key (reval-document-uri document)) document
                 (reval-connection-documents connection))
        (reval-connection-when-ready
         connection (lambda () (reval-document--open document connection)))
        (unless (or (null before) (eq before connection))
          (reval-connection-when-ready
           connection
           (lambda ()
             (dolist (other (hash-table-values (reval-connection-documents before)))
               (when (buffer-live-p (reval-document-buffer other))
                 (reval-document-connect other))))))
        connection))))

(defun reval-document-connected-p (document)
  "Return non-nil if DOCUMENT has a live server, be it ready or not yet."
  (let ((connection (reval-document-connection document)))
    (and connection (jsonrpc-running-p connection))))

(defun reval-document-ready (document)
  "Return the connection of DOCUMENT, with all of its edits sent."
  (let ((connection (reval-document-connect document)))
    (reval-connection-await connection)
    (reval-document-flush document)
    connection))

(defun reval-document--open (document connection)
  "Tell CONNECTION the text of DOCUMENT, if it is still there."
  (when (and (buffer-live-p (reval-document-buffer document))
             (eq connection (reval-document-connection document))
             (jsonrpc-running-p connection))
    (with-current-buffer (reval-document-buffer document)
      (setf (reval-document-changes document) nil
            (reval-document-tick document) (buffer-chars-modified-tick)
            (reval-document-open document) t)
      (jsonrpc-notify
       connection :textDocument/didOpen
       (list :textDocument
             (list :uri (reval-document-uri document)
                   :languageId (reval-document-language-id)
                   :version (cl-incf (reval-document-version document))
                   :text (reval-document--text)))))))

(defun reval-document--close (document)
  "Let the server forget DOCUMENT."
  (when-let ((timer (reval-document-timer document)))
    (cancel-timer timer))
  (when-let ((connection (reval-document-connection document)))
    (remhash (reval-uri-key (reval-document-uri document))
             (reval-connection-documents connection))
    (when (and (reval-document-open document) (reval-connection-live-p connection))
      (jsonrpc-notify connection :textDocument/didClose
                      (reval-document-identifier document))))
  (setf (reval-document-timer document) nil
        (reval-document-connection document) nil
        (reval-document-session document) nil
        (reval-document-chosen document) nil
        (reval-document-restoring document) nil
        (reval-document-open document) nil))

(defun reval-document--renamed ()
  "Let the current buffer's document go by its new name, with its results."
  (let* ((document reval-document--current)
         (connection (and document (reval-document-connection document)))
         (old (and document (reval-document-uri document)))
         (new (reval-document--uri)))
    (unless (or (null document) (reval-document-clone-p) (equal old new))
      (setf (reval-document-uri document) new)
      (when connection
        (remhash (reval-uri-key old) (reval-connection-documents connection))
        (puthash (reval-uri-key new) document (reval-connection-documents connection)))
      (when (and (reval-document-open document) (reval-connection-live-p connection))
        ;; The text that the server has is what it compares the new one with.
        (setf (reval-document-uri document) old)
        (reval-document-flush document)
        (setf (reval-document-uri document) new)
        (jsonrpc-notify connection :workspace/didRenameFiles
                        (list :files (vector (list :oldUri old :newUri new))))
        (jsonrpc-notify connection :textDocument/didClose (list :textDocument (list :uri old)))
        (reval-document--open document connection)))))

(defun reval-document--uri ()
  "Return the URI of the current buffer.
A file on another host is none that the server could read."
  (if (and buffer-file-name (not (file-remote-p buffer-file-name)))
      (reval-path-to-uri buffer-file-name)
    (concat "untitled:" (url-hexify-string (or buffer-file-name (buffer-name))))))

(defun reval-document-identifier (document)
  "Return the parameters of a request that names DOCUMENT only."
  (list :textDocument (list :uri (reval-document-uri document))))

(defun reval-document-language-id ()
  "Return the language identifier of the current buffer."
  (or (cl-loop for (mode . id) in reval-language-ids
               when (eq mode major-mode) return id)
      (cl-loop for (mode . id) in reval-language-ids
               when (derived-mode-p mode) return id)
      (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode))))

;;; Edits

(defun reval-document--before-change (beg end)
  "Note where the text between BEG and END, which will change, lies now."
  (when-let ((document reval-document--current))
    (when (and (reval-document-open document)
               (listp (reval-document-changes document)))
      (setf (reval-document-before document)
            (let ((start (reval-document-position document beg)))
              (list beg end start
                    (if (= beg end) start
                      (reval-document-position document end))
                    (reval-document-near document)))))))

(defun reval-document--after-change (beg end length)
  "Note that LENGTH characters at BEG became the text up to END."
  (when-let ((document reval-document--current))
    (when (reval-document-open document)
      (setf (reval-document-tick document) (buffer-chars-modified-tick))
      (pcase (reval-document-before document)
        ((and `(,(pred (= beg)) ,(pred (= (+ beg length))) ,start ,stop ,near)
              (guard (listp (reval-document-changes document))))
         ;; A line above the edit has not moved.
         (when (and near (eq near (reval-document-near document)) (<= (cddr near) beg))
           (setf (reval-document-near document)
                 (cons (buffer-chars-modified-tick) (cdr near))))
         (push (list :range (list :start start :end stop)
                     :text (reval-document--wire-text
                            (save-restriction
                              (widen)
                              (buffer-substring-no-properties beg end))))
               (reval-document-changes document)))
        ;; Some primitives announce a larger change than they make, or none.
        (_ (setf (reval-document-changes document) 'full)))
      (setf (reval-document-before document) nil)
      (unless (reval-document-timer document)
        (setf (reval-document-timer document)
              (run-with-timer reval-sync-delay nil
                              #'reval-document--sync document))))))

(defun reval-document--sync (document)
  "Send the edits of DOCUMENT, in a timer."
  (when (buffer-live-p (reval-document-buffer document))
    (reval-document-flush document)))

(defun reval-document-flush (document)
  "Send the edits of DOCUMENT that the server has not seen."
  (when-let ((timer (reval-document-timer document)))
    (cancel-timer timer)
    (setf (reval-document-timer document) nil))
  (when (reval-document-open document)
    (let ((tick (buffer-chars-modified-tick (reval-document-buffer document))))
      (unless (eql tick (reval-document-tick document))
        ;; Somebody edits and tells nobody.
        (setf (reval-document-changes document) 'full
              (reval-document-tick document) tick))))
  (when (and (reval-document-open document)
             (reval-document-changes document)
             (reval-connection-live-p (reval-document-connection document)))
    (let ((changes (reval-document-changes document)))
      (setf (reval-document-changes document) nil)
      (jsonrpc-notify
       (reval-document-connection document) :textDocument/didChange
       (list :textDocument
             (list :uri (reval-document-uri document)
                   :version (cl-incf (reval-document-version document)))
             :contentChanges
             (if (listp changes)
                 (vconcat (reverse changes))
               (vector (list :text (with-current-buffer
                                       (reval-document-buffer document)
                                     (reval-document--text))))))))))

(defun reval-document--text ()
  "Return the whole text of the current buffer as the server gets it."
  (save-restriction
    (widen)
    (reval-document--wire-text
     (buffer-substring-no-properties (point-min) (point-max)))))

(defconst reval-document--unsendable
  "[\ud800-\udfff\x110000-\x3fff7f\x3fff80-\x3fffff]"
  "Characters of a buffer that are not Unicode's: surrogates, raw bytes, others.")

(defun reval-document--wire-text (text)
  "Return TEXT with every character that cannot be sent replaced by another.
\\r would end a line in LSP, but not in a buffer."
  (let ((text (string-replace "\r" " " text))
        ;; Else Emacs asks millions of characters for their other case.
        (case-fold-search nil))
    (if (and (multibyte-string-p text) (= (length text) (string-bytes text))) ; all ASCII
        text
      (replace-regexp-in-string reval-document--unsendable "\ufffd" text))))

;;; Positions

(defun reval-document-position (document &optional pos)
  "Return the LSP position of POS, or point, in the buffer of DOCUMENT.
The buffer must be current."
  (save-excursion
    (save-restriction
      (widen)
      (when pos (goto-char pos))
      (let* ((pos (point))
             (bol (progn (forward-line 0) (point))))
        (list :line (reval-document--line document bol)
              :character (reval-document--column document bol pos))))))

(defun reval-document-line-number (document pos)
  "Return the number, from 1, of the line of POS in the buffer of DOCUMENT.
The buffer must be current."
  (1+ (plist-get (reval-document-position document pos) :line)))

(defun reval-document--near (document)
  "Return (TICK LINE . BEGINNING) of a line from which others may be counted.
The buffer of DOCUMENT is current, and widened.  Emacs counts lines from the
beginning of the buffer, and most work is done near where it was done before."
  (let ((near (reval-document-near document)))
    (if (eql (car near) (buffer-chars-modified-tick))
        near
      (cons nil (cons 0 (point-min))))))

(defun reval-document--line (document bol)
  "Return the number, from 0, of the line that begins at BOL in DOCUMENT.
The buffer must be current, and widened."
  (pcase-let* ((`(,_ ,line . ,beg) (reval-document--near document))
               (lines (save-restriction
                        (narrow-to-region (min beg bol) (max beg bol))
                        (1- (line-number-at-pos (point-max)))))
               (line (if (< bol beg) (- line lines) (+ line lines))))
    (setf (reval-document-near document)
          (cons (buffer-chars-modified-tick) (cons line bol)))
    line))

(defun reval-document--goto-line (document line)
  "Go to the beginning of LINE, from 0, of DOCUMENT, or to the end of the buffer.
Return non-nil if the line is there.  The buffer must be current, and widened."
  (pcase-let ((`(,_ ,start . ,beg) (reval-document--near document)))
    (when (< line (/ start 2))
      (setq start 0 beg (point-min)))
    (goto-char beg)
    (if (not (zerop (forward-line (- line start))))
        (ignore (goto-char (point-max)))
      (when (bolp)
        (setf (reval-document-near document)
              (cons (buffer-chars-modified-tick) (cons line (point)))))
      t)))

(defun reval-document--column (document bol pos)
  "Return how many characters of DOCUMENT's encoding are between BOL and POS."
  (let ((count (- pos bol)))
    (when (eq (reval-document--encoding document) 'utf-16)
      (save-excursion
        (goto-char bol)
        (while (re-search-forward "[\x10000-\x10ffff]" pos t)
          (cl-incf count))))
    count))

(defun reval-document-point (document position)
  "Return the buffer position that the LSP POSITION means in DOCUMENT.
The buffer must be current.  A position past the end of its line is that end."
  (save-excursion
    (save-restriction
      (widen)
      (when (reval-document--goto-line document (plist-get position :line))
        (let ((rest (plist-get position :character))
              (wide (eq (reval-document--encoding document) 'utf-16)))
          (if (not wide)
              (goto-char (min (+ (point) rest) (reval-document-line-end)))
            (while (and (> rest 0) (not (eolp)))
              (cl-decf rest (if (> (following-char) #xffff) 2 1))
              (forward-char)))))
      (point))))

(defun reval-document-line-end ()
  "Return the end of the line of point, whatever fields are in it."
  (let ((inhibit-field-text-motion t))
    (line-end-position)))

(defun reval-document-range (document beg end)
  "Return the LSP range from BEG to END in DOCUMENT, whose buffer is current."
  (list :start (reval-document-position document beg)
        :end (reval-document-position document end)))

(defun reval-document-region (document range)
  "Return (BEG . END), the buffer positions of the LSP RANGE in DOCUMENT."
  (cons (reval-document-point document (plist-get range :start))
        (reval-document-point document (plist-get range :end))))

(defun reval-document--encoding (document)
  "Return the unit of characters in the positions of DOCUMENT."
  (if-let ((connection (reval-document-connection document)))
      (reval-connection-encoding connection)
    'utf-32))

(defun reval-document-find (connection uri)
  "Return the document that CONNECTION knows as URI, or nil."
  (let ((document (gethash (reval-uri-key uri) (reval-connection-documents connection))))
    (and document (buffer-live-p (reval-document-buffer document)) document)))

(provide 'reval-document)
;;; reval-document.el ends here
