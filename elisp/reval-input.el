;;; reval-input.el --- Answer a kernel that asks  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A kernel that runs input() or getpass() is answered in the minibuffer.
;;
;; The request comes in the process filter, where nothing may wait, and while
;; the user may be typing: it is told, and a timer asks when Emacs has been idle for
;; a moment.  One prompt is open at a time, and none is opened while the user is in a
;; minibuffer: the rest wait for it to close.  When the kernel no longer waits,
;; its prompt closes.

;;; Code:

(require 'reval-overlay)

(defcustom reval-input-idle-delay 0.5
  "Seconds without a key after which a kernel's question opens a prompt.
What is being typed elsewhere is not to end up in the answer."
  :type 'number
  :group 'reval)

(cl-defstruct (reval-input--request (:constructor reval-input--request-make) (:copier nil))
  "A kernel's question."
  connection id prompt password
  evaluation             ; the one that asks, or nil
  depth                  ; of the minibuffer that asks, nil before
  cancelled)             ; non-nil when the kernel no longer waits

(defvar reval-input--queue nil
  "Questions not answered yet, oldest first; the first may be open.")

(defvar reval-input-history nil
  "What was answered to kernels, but for passwords.")

(cl-defmethod reval-handle-notification (connection (_method (eql 'reval/inputRequest)) params)
  "Ask what PARAMS say for CONNECTION, or take the question back."
  (let* ((id (plist-get params :request))
         (request (cl-find-if (lambda (request)
                                (and (eq connection (reval-input--request-connection request))
                                     (equal id (reval-input--request-id request))))
                              reval-input--queue)))
    (cond
     ((not (eq (plist-get params :cancelled) t))
      (setq reval-input--queue
            (append reval-input--queue
                    (list (reval-input--request-make
                           :connection connection :id id
                           :evaluation (gethash (plist-get params :evaluation)
                                                (reval-connection-evaluations connection))
                           :prompt (reval-input--prompt connection params)
                           :password (eq (plist-get params :password) t)))))
      (reval-input--ask-when-idle))
     (request (reval-input--cancel request)))))

(defun reval-input--prompt (connection params)
  "Return the prompt for PARAMS, an InputRequestParams of CONNECTION."
  (let ((prompt (plist-get params :prompt))
        (document (reval-document-find connection (plist-get params :uri))))
    (if (string-match-p "\\S-" (or prompt ""))
        prompt
      (format "Input for %s: "
              (if document (buffer-name (reval-document-buffer document)) "the kernel")))))

(defun reval-input--ask-when-idle ()
  "Say that a kernel waits, and ask as soon as nothing is typed any more."
  (when-let* ((request (car reval-input--queue))
              (waits (not (reval-input--request-depth request))))
    (reval-input--show-waiting request t)
    (run-with-idle-timer reval-input-idle-delay nil #'reval-input--ask-next)))

(defun reval-input--show-waiting (request waits)
  "Show beside the code of REQUEST's evaluation whether it WAITS for an answer."
  (when-let ((evaluation (reval-input--request-evaluation request)))
    (setf (reval-evaluation-waits evaluation) waits)
    (reval-overlay-update evaluation)))

(defun reval-input--cancel (request)
  "Take back REQUEST, whose kernel no longer waits."
  (setf (reval-input--request-cancelled request) t)
  (reval-input--show-waiting request nil)
  (setq reval-input--queue (delq request reval-input--queue))
  (when (reval-input--request-depth request)
    (run-at-time 0 nil #'reval-input--close request)))

(defun reval-input--close (request)
  "Close the minibuffer of REQUEST, if it is the innermost one."
  (when (eql (reval-input--request-depth request) (minibuffer-depth))
    (abort-recursive-edit)))

(defun reval-input--ask-next ()
  "Ask the oldest question, if the minibuffer is free."
  (when-let ((request (car reval-input--queue)))
    (cond
     ((reval-input--request-depth request)) ; it is being asked
     ((> (minibuffer-depth) 0)
      (add-hook 'minibuffer-exit-hook #'reval-input--minibuffer-exited))
     (t
      (let ((answer (reval-input--read request)))
        (setq reval-input--queue (delq request reval-input--queue))
        (unless (reval-input--request-cancelled request)
          (reval-input--show-waiting request nil)
          (reval-input--reply request answer))
        (reval-input--ask-when-idle))))))

(defun reval-input--minibuffer-exited ()
  "Ask what waited for the minibuffer, once the user has left it."
  (remove-hook 'minibuffer-exit-hook #'reval-input--minibuffer-exited)
  (reval-input--ask-when-idle))

(defun reval-input--read (request)
  "Read the answer to REQUEST; nil if the user quit, or the kernel did."
  (setf (reval-input--request-depth request) (1+ (minibuffer-depth)))
  (let ((inhibit-quit nil))               ; a timer sets it
    (unwind-protect
        (condition-case nil
            (if (reval-input--request-password request)
                (read-passwd (reval-input--request-prompt request))
              (read-string (reval-input--request-prompt request) nil
                           'reval-input-history))
          (quit nil))
      (setf (reval-input--request-depth request) nil))))

(defun reval-input--reply (request answer)
  "Send ANSWER to REQUEST; nil interrupts the kernel."
  (let ((connection (reval-input--request-connection request)))
    (when (reval-connection-live-p connection)
      (jsonrpc-notify
       connection :reval/inputReply
       (append (list :request (reval-input--request-id request))
               (if answer
                   (list :value answer)
                 (message "reval: the question was not answered; the kernel is interrupted")
                 '(:cancel t)))))))

(defun reval-input--closed (connection)
  "Take back what CONNECTION asked, whose process ended."
  (dolist (request (copy-sequence reval-input--queue))
    (when (eq connection (reval-input--request-connection request))
      (reval-input--cancel request))))

(add-hook 'reval-connection-closed-functions #'reval-input--closed)

(provide 'reval-input)
;;; reval-input.el ends here
