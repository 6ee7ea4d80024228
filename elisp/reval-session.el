;;; reval-session.el --- Kernels and evaluations as the server tells them  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A session is a kernel, with its queue, and the documents that share it.
;; An evaluation is one piece of a document that went there.  Both belong to
;; the server; what stands here is what it told last.  The mode line shows
;; a session's state, and the commands below change it.

;;; Code:

(require 'reval-document)

(cl-defstruct (reval-session (:constructor reval-session--make) (:copier nil))
  "A kernel and what it is doing."
  id
  connection
  kernel                 ; the name that reval.selectKernel takes
  display-name
  state                  ; none, starting, idle, busy, disconnected, unresponsive,
                         ; restarting or dead
  (queued 0)             ; evaluations that wait, without the one that runs
  message                ; why it is dead, disconnected or unresponsive, or what it lacks
  document               ; the one that evaluated last
  output                 ; its output buffer, or nil
  lighter                ; what the mode line says of it, nil until it is drawn
  redraw)                ; timer that lets the mode lines be drawn, or nil

(cl-defstruct (reval-evaluation (:constructor reval-evaluation--make) (:copier nil))
  "A piece of a document that was, is or will be evaluated."
  id
  document
  session
  (state "queued")       ; queued, running, done, error, cancelled or lost
  (ahead 0)              ; evaluations before it, while queued
  count                  ; of the kernel
  elapsed                ; milliseconds
  started                ; `float-time' at which it was seen to run
  waits                  ; non-nil while it waits for the user's answer
  summary                ; plist :kind :text :lines :mime of the value
  failure                ; plist :name :value :range of the error
  message                ; why it was cancelled or lost
  by                     ; name of the client that evaluated it, if that is another one
  stale                  ; t when the code changed since, `server' when the server ended,
                         ; `past' when its kernel did; of an earlier session its date
  value                  ; the output, a plist, that is its value
  code                   ; overlay on the code
  line                   ; of the code, from 1, when it was last seen
  result                 ; overlay that shows the result after the code
  failing                ; overlay on the failing line
  mirrors                ; copies of these overlays in clones of the buffer
  open                   ; non-nil when the whole value is shown below the code
  shown                  ; non-nil when its output was brought to a window
  clock                  ; timer that shows how long it has been running, or nil
  on-end)                ; function to call with it once it ended

(defun reval-evaluation-ended-p (evaluation)
  "Return non-nil if EVALUATION is neither waiting nor running."
  (not (member (reval-evaluation-state evaluation) '("queued" "running"))))

(defun reval-evaluation-find-line (evaluation)
  "Return the line number of EVALUATION's code, or where it was when last seen."
  (let ((code (reval-evaluation-code evaluation)))
    (when (and code (overlay-buffer code))
      (setf (reval-evaluation-line evaluation)
            (with-current-buffer (overlay-buffer code)
              (reval-document-line-number (reval-evaluation-document evaluation)
                                          (overlay-start code)))))
    (reval-evaluation-line evaluation)))

(defun reval-evaluation-place (evaluation)
  "Return where EVALUATION's code is, in the form main.py:3."
  (let* ((document (reval-evaluation-document evaluation))
         (buffer (and document (reval-document-buffer document)))
         (line (reval-evaluation-find-line evaluation)))
    (if (buffer-live-p buffer)
        (concat (buffer-name buffer) (and line (format ":%d" line)))
      "closed buffer")))

(defun reval-evaluation-goto (evaluation)
  "Go to the code of EVALUATION."
  (let ((code (reval-evaluation-code evaluation))
        (document (reval-evaluation-document evaluation)))
    (cond ((and code (overlay-buffer code))
           (pop-to-buffer (overlay-buffer code))
           (goto-char (overlay-start code)))
          ((and document (buffer-live-p (reval-document-buffer document)))
           (pop-to-buffer (reval-document-buffer document))
           (goto-char (point-min))
           (forward-line (1- (or (reval-evaluation-line evaluation) 1)))
           (message "The result was cleared; the code was here"))
          (t (user-error "The buffer that was evaluated is closed")))))

;;; The document that a command is about

(defvar-local reval-session-of-buffer nil
  "The session that this buffer shows the output of.")

(defun reval-current-document ()
  "Return the document that a command in the current buffer is about."
  (or (reval-document-current)
      (when-let* ((session reval-session-of-buffer)
                  (document (reval-session-document session)))
        (and (buffer-live-p (reval-document-buffer document)) document))
      (user-error "Nothing here is evaluated by reval: turn on `reval-mode'")))

(cl-defun reval-command-async (document command &key argument then failure secret)
  "Send COMMAND with ARGUMENT, a plist, for DOCUMENT.
Call THEN, a function, with the result, or FAILURE with one line; without
it the line is shown.  Nothing is waited for but a server that has just
been started.  With SECRET, no log shows ARGUMENT."
  (reval-connection-async
   (reval-document-ready document) :workspace/executeCommand
   (reval-connection-command-params
    command (append (list :uri (reval-document-uri document)) argument))
   :success then :failure failure :secret secret))

(cl-defun reval-command-request (document command &key argument (timeout 5) secret)
  "Send COMMAND with ARGUMENT, a plist, for DOCUMENT and return the result.
No answer in TIMEOUT seconds is an error.  With SECRET, no log shows ARGUMENT."
  (reval-connection-request
   (reval-document-ready document) :workspace/executeCommand
   (reval-connection-command-params
    command (append (list :uri (reval-document-uri document)) argument))
   :timeout timeout :secret secret))

;;; State

(cl-defmethod reval-handle-notification (connection (_method (eql 'reval/state)) params)
  "Take the state of a session of CONNECTION from PARAMS."
  (reval-session-take-state connection params))

(defun reval-session-take-state (connection params)
  "Take PARAMS, a StateParams of CONNECTION, and return its session."
  (let* ((session (reval-session-get connection (plist-get params :session)))
         (kernel (or (plist-get params :kernel) ""))
         (was (reval-session-state session)))
    (setf (reval-session-kernel session) kernel
          (reval-session-display-name session)
          (or (plist-get params :displayName) kernel)
          (reval-session-state session) (plist-get params :state)
          (reval-session-queued session) (or (plist-get params :queued) 0)
          (reval-session-message session) (plist-get params :message)
          (reval-session-lighter session) nil)
    (seq-doseq (uri (plist-get params :uris))
      (when-let ((document (reval-document-find connection uri)))
        (setf (reval-document-session document) session)
        (unless (reval-session-document session)
          (setf (reval-session-document session) document))))
    (reval-session--redraw session)
    (reval-session--tell-change session was)
    session))

(defun reval-session--redraw (session)
  "Let the mode lines that tell of SESSION be drawn anew, a moment later.
Emacs may draw menus and the tool bar with them, and a short evaluation changes
the state twice, so that a result would be late by it."
  (unless (reval-session-redraw session)
    (setf (reval-session-redraw session)
          (run-with-timer
           0.05 nil
           (lambda ()
             (setf (reval-session-redraw session) nil)
             (maphash (lambda (_uri document)
                        (when (eq (reval-document-session document) session)
                          (mapc #'reval-session--redraw-in
                                (cons (reval-document-buffer document)
                                      (reval-document-clones document)))))
                      (reval-connection-documents (reval-session-connection session))))))))

(defun reval-session--redraw-in (buffer)
  "Let the mode lines of BUFFER be drawn anew, if it is there."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (force-mode-line-update))))

(defun reval-session--tell-change (session was)
  "Say that SESSION, whose state was WAS, died, is silent or answers again.
So also that it lost or found its server."
  (let ((state (reval-session-state session))
        (name (reval-session-display-name session))
        (why (reval-session-message session)))
    (cond
     ((equal state was))
     ((and (equal state "dead") (string-empty-p name))
      (message "reval: %s" why))
     ((equal state "dead")
      (message "reval: %s died%s; %s starts it again" name
               (if why (concat ": " why) "")
               (substitute-command-keys "\\<reval-mode-map>\\[reval-restart]")))
     ((member state '("disconnected" "unresponsive"))
      (message "reval: %s" why))
     ((not (member state '("idle" "busy"))))
     ((equal was "disconnected")
      (message "reval: the connection to %s is there again" name))
     ((equal was "unresponsive")
      (message "reval: %s answers again" name)))))

(defun reval-session-get (connection id)
  "Return the session ID of CONNECTION, made where it is not known."
  (let ((sessions (reval-connection-sessions connection)))
    (or (gethash id sessions)
        (puthash id (reval-session--make :id id :connection connection :kernel ""
                                         :state "none")
                 sessions))))

(defun reval-session--lighter (session)
  "Return the text for SESSION in the mode line."
  (let* ((state (reval-session-state session))
         (queued (reval-session-queued session))
         (text (string-join
                (delq nil (list (pcase state
                                  ("none" nil)
                                  ("busy" "running")
                                  (_ state))
                                (and (> queued 0) (format "%d queued" queued))))
                ", "))
         (face (pcase state
                 ("dead" 'error)
                 ("idle" 'success)
                 ("none" nil)
                 (_ 'warning))))
    ;; A name comes from elsewhere, and "%" is a sign of the mode line's own.
    (setq text (string-replace
                "%" "%%"
                (string-join (remove "" (list (reval-session-short-name session) text)) " ")))
    (if (string-empty-p text)
        "reval"
      (propertize (concat "reval[" (propertize text 'face face) "]")
                  'help-echo #'reval-session--help))))

(defun reval-session--help (window &rest _)
  "Return what is said where the mouse points at the mode line of WINDOW."
  (when-let* ((document (buffer-local-value 'reval-document--current (window-buffer window)))
              (session (reval-document-session document)))
    (format "%s: %s%s%s\nmouse-1: menu of reval"
            (reval-session-display-name session)
            (reval-session-state session)
            (if (zerop (reval-session-queued session)) ""
              (format ", %d queued" (reval-session-queued session)))
            (if (reval-session-message session)
                (concat "\n" (reval-session-message session))
              ""))))

(defun reval-session-short-name (session)
  "Return a short name of SESSION's kernel; \"\" if there is none."
  (let ((kernel (reval-session-kernel session))
        (name (reval-session-display-name session)))
    (cond ((string-match-p "\\`[a-z]+://" kernel) name)
          ((file-name-absolute-p kernel)
           ;; A connection file's name is an id, of which the start will do.
           (let ((id (string-remove-prefix "kernel-" (file-name-base kernel))))
             (concat (and (string-match "\\`\\(.+\\) (" name) (concat (match-string 1 name) " "))
                     (substring id 0 (min 8 (length id))))))
          (t kernel))))

(defun reval-session-name (session)
  "Return a name for buffers of SESSION."
  (format "%s in %s"
          (let ((name (reval-session-short-name session)))
            (if (string-empty-p name) "kernel" name))
          (file-name-nondirectory
           (directory-file-name
            (reval-connection-root (reval-session-connection session))))))

(defun reval-session-lighter-text ()
  "Return the text for the current buffer's session in the mode line."
  (let* ((document (reval-document-current))
         (session (and document (reval-document-session document))))
    (list
     " "
     (cond
      (session (or (reval-session-lighter session)
                   (setf (reval-session-lighter session) (reval-session--lighter session))))
      ((and document (reval-document-connection document)
            (not (reval-document-connected-p document)))
       (propertize "reval[off]"
                   'help-echo "The server ended; the next evaluation starts another"))
      (t "reval")))))

(defun reval-session--closed (connection)
  "Mark what CONNECTION served, whose process ended, as gone."
  (maphash (lambda (_uri document)
             (when (reval-document-session document)
               (setf (reval-document-former document) (reval-document-session document)))
             (setf (reval-document-session document) nil
                   (reval-document-open document) nil))
           (reval-connection-documents connection))
  (maphash (lambda (_id session) (setf (reval-session-state session) "dead"))
           (reval-connection-sessions connection))
  (force-mode-line-update t))

(add-hook 'reval-connection-closed-functions #'reval-session--closed)

;;; Commands

(defun reval-interrupt ()
  "Interrupt the kernel of this buffer."
  (interactive)
  (reval-command-async (reval-current-document) "reval.interrupt"
                       :then (lambda (_) (message "reval: interrupted"))))

(defun reval-restart ()
  "Restart the kernel of this buffer.  Its variables are lost."
  (interactive)
  (let ((document (reval-current-document)))
    (when (or (not (called-interactively-p 'interactive))
              (not (member (when-let ((session (reval-document-session document)))
                             (reval-session-state session))
                           '("idle" "busy")))
              (y-or-n-p "Restart the kernel and lose its variables? "))
      (reval-command-async document "reval.restart"
                           :then (lambda (_) (message "reval: the kernel is restarted"))))))

(defun reval-shutdown ()
  "End the kernel of this buffer, which would outlive Emacs.
Its variables are lost.  The next evaluation starts another."
  (interactive)
  (let ((document (reval-current-document)))
    (when (or (not (called-interactively-p 'interactive))
              (y-or-n-p "End the kernel and lose its variables? "))
      (reval-command-async document "reval.shutdown"
                           :then (lambda (_) (message "reval: the kernel has ended"))))))

(defun reval-restore ()
  "Show the results that earlier sessions had in this buffer.
They are marked with their date, and stand where their code does, if
that has no result of now."
  (interactive)
  (reval-command-async
   (reval-current-document) "reval.restore"
   :then (lambda (answer)
           (let ((shown (plist-get answer :shown)))
             (message "reval: %s"
                      (pcase shown
                        (0 "earlier sessions have no result of this text")
                        (1 "1 result of an earlier session")
                        (_ (format "%d results of earlier sessions" shown))))))))

(defun reval-stop-server ()
  "End the connection to the server of this buffer's project.
Kernels go on, but for those of a server of its own (see `reval-command')."
  (interactive)
  (let ((document (reval-current-document)))
    (unless (reval-document-connected-p document)
      (user-error "No reval server runs for this buffer"))
    (reval-connection-stop (reval-document-connection document))))

(provide 'reval-session)
;;; reval-session.el ends here
