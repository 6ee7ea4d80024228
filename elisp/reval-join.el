;;; reval-join.el --- Join sessions that went on  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Sessions go on when an editor is closed.  A file that is opened is given to
;; the server if one of them has results of it, so that they are there again.
;; Nothing is started to find that out but `reval sessions', and only where a
;; daemon runs.

;;; Code:

(require 'reval-connection)
(require 'reval-document)
(require 'seq)

(defcustom reval-join t
  "Whether a file shows what was evaluated in it before Emacs was closed."
  :type 'boolean
  :group 'reval)

(defvar reval-join--waiting nil
  "Documents of which it is being asked whether a session has results.")

(defun reval-join-look (document)
  "Join the session that has results of DOCUMENT's file, if there is one.
The buffer must be current."
  (when (and reval-join buffer-file-name
             (not (file-remote-p buffer-file-name))
             (reval-join--daemon-p)
             (executable-find (car reval-command)))
    (push document reval-join--waiting)
    (unless (cdr reval-join--waiting)
      (reval-join--ask))))

(defun reval-join--daemon-p ()
  "Return non-nil if a daemon may be running."
  (let ((runtime (getenv "XDG_RUNTIME_DIR")))
    (seq-some (lambda (folder)
                (file-expand-wildcards (expand-file-name "daemon-*.sock" folder)))
              (append (and runtime (list (expand-file-name "reval" runtime)))
                      ;; On Linux without it, and on macOS.
                      (list "~/.local/share/jupyter/runtime"
                            "~/Library/Jupyter/runtime")))))

(defun reval-join--ask ()
  "Ask which sessions there are."
  (let ((default-directory (expand-file-name "~/"))
        (said (generate-new-buffer " *reval sessions*")))
    (make-process
     :name "reval sessions" :buffer said :noquery t
     :command (list (car reval-command) "sessions" "--json")
     :stderr nil :connection-type 'pipe
     :sentinel (lambda (process _event)
                 (unless (process-live-p process)
                   (reval-join--listed said))))))

(defun reval-join--listed (said)
  "Take what the buffer SAID has of sessions."
  (let ((documents (prog1 reval-join--waiting (setq reval-join--waiting nil)))
        (files (unwind-protect (reval-join--files said)
                 (kill-buffer said))))
    (dolist (document documents)
      (let ((buffer (reval-document-buffer document)))
        (when (and (buffer-live-p buffer)
                   (member (file-truename (buffer-file-name buffer)) files))
          (with-current-buffer buffer
            (reval-document-connect document)))))))

(defun reval-join--files (said)
  "Return the files with results in the sessions that the buffer SAID lists."
  (with-current-buffer said
    (goto-char (point-min))
    ;; If it failed, whoever evaluates hears why.
    (ignore-errors
      (mapcar #'file-truename
              (seq-mapcat (lambda (session) (append (plist-get session :files) nil))
                          (json-parse-buffer :object-type 'plist))))))

(provide 'reval-join)
;;; reval-join.el ends here
