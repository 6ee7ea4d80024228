;;; reval-reconnect.el --- Go on after the server died  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A project's server may end without having been asked to: the daemon that it
;; leads to died, or was exchanged for a newer one.  Then it is started again,
;; at once the first time, after longer and longer waits if it dies again, and
;; gets to know the documents of the one before.  What the sessions that went on
;; have of them comes by itself, also what runs; what came of sessions that are
;; gone is fetched from the history, with its date.
;;
;; What must stay true here:
;;
;; - What the dead server told and the new one does not tell again stays marked.
;; - Nothing is started where nothing was evaluated, and no session joined.

;;; Code:

(require 'reval-eval)

(defconst reval-reconnect--delays '(0 0.3 1 3 10)
  "Seconds to wait before a server is started again, for each time in a row.")

(defconst reval-reconnect--steady 60
  "Seconds after which the end of a server does not count as another time in a row.")

(cl-defstruct (reval-reconnect--series (:constructor reval-reconnect--series-make)
                                       (:copier nil))
  "Starts in a row of a server that dies."
  (count 0)
  documents)             ; that the servers had

(defun reval-reconnect--closed (connection)
  "Start the server of CONNECTION again, if it died and had something to tell.
Say that it ended, unless that was wanted, or who waits for it says so."
  (cond
   ((reval-connection-stopping connection))
   ((reval-reconnect--wanted-p connection)
    (reval-reconnect--plan (reval-reconnect--series connection)
                           (reval-connection-death connection)))
   ((reval-connection-ready connection)
    (message "reval: the server ended, the next evaluation starts another: %s"
             (reval-connection-death connection)))))

;; First: the others forget what there was.
(add-hook 'reval-connection-closed-functions #'reval-reconnect--closed -90)

(defun reval-reconnect--wanted-p (connection)
  "Return non-nil if the server of CONNECTION is to be started again."
  (and (not (zerop (process-exit-status (jsonrpc--process connection))))
       (or (reval-connection-series connection)
           (> (hash-table-count (reval-connection-evaluations connection)) 0)
           (seq-some (lambda (session) (not (equal (reval-session-state session) "none")))
                     (hash-table-values (reval-connection-sessions connection))))))

(defun reval-reconnect--series (connection)
  "Return the series that CONNECTION, which has ended, belongs to."
  (let* ((steady (> (- (float-time) (reval-connection-started connection))
                    reval-reconnect--steady))
         (series (or (and (not steady) (reval-connection-series connection))
                     (reval-reconnect--series-make))))
    (dolist (document (hash-table-values (reval-connection-documents connection)))
      (cl-pushnew document (reval-reconnect--series-documents series)))
    series))

(defun reval-reconnect--plan (series death)
  "Have the server of SERIES started again, whose DEATH was so and so."
  (let* ((count (reval-reconnect--series-count series))
         (delay (nth count reval-reconnect--delays)))
    (setf (reval-reconnect--series-count series) (1+ count))
    (if delay
        (progn
          (message "reval: the server ended, it is started again%s: %s"
                   (if (< delay 1) "" (format " in %d s" delay)) death)
          (run-with-timer delay nil #'reval-reconnect--attempt series))
      (message "reval: the server ended %d times in a row, the next evaluation starts \
another; `reval-doctor' may tell more: %s" (1+ count) death))))

(defun reval-reconnect--attempt (series)
  "Start the server of SERIES again, and give it its documents."
  (condition-case err
      (let ((connections (delete-dups (mapcar #'reval-document-connect
                                              (reval-reconnect--documents series)))))
        (dolist (connection connections)
          (setf (reval-connection-series connection) series)
          (reval-connection-when-ready
           connection (lambda () (reval-reconnect--bring-back series connection)))))
    (error (reval-reconnect--plan series (error-message-string err)))))

(defun reval-reconnect--documents (series)
  "Return the documents of SERIES that are still documents."
  (seq-filter (lambda (document)
                (let ((buffer (reval-document-buffer document)))
                  (and (buffer-live-p buffer)
                       (eq document (buffer-local-value 'reval-document--current buffer)))))
              (reval-reconnect--series-documents series)))

(defun reval-reconnect--bring-back (series connection)
  "Ask the server of CONNECTION for what the documents of SERIES showed before.
It has told what its sessions have.  With a server that had its kernels for
itself there is no history."
  (let* ((standalone (reval-connection-standalone connection))
         (lost (and (not standalone)
                    (seq-filter
                     #'reval-reconnect--left
                     (seq-filter (lambda (document)
                                   (eq connection (reval-document-connection document)))
                                 (reval-reconnect--documents series)))))
         (waiting (length lost))
         (shown 0)
         (done (lambda (more)
                 (cl-incf shown more)
                 (when (and (zerop (cl-decf waiting)) (jsonrpc-running-p connection))
                   (reval-reconnect--say shown nil)))))
    (unless lost
      (reval-reconnect--say 0 standalone))
    (dolist (document lost)
      (reval-command-async
       document "reval.restore"
       :argument (list :evaluations (vconcat (reval-reconnect--left document)))
       :failure (lambda (_) (funcall done 0))
       :then (lambda (answer) (funcall done (plist-get answer :shown)))))))

(defun reval-reconnect--left (document)
  "Return the ids of results that stand in DOCUMENT, of a server that died."
  (mapcar #'reval-evaluation-id
          (seq-filter (lambda (evaluation)
                        (and (eq (reval-evaluation-stale evaluation) 'server)
                             (member (reval-evaluation-state evaluation) '("done" "error"))))
                      (reval-document-evaluations document))))

(defun reval-reconnect--say (shown standalone)
  "Say that there is a server again, and that SHOWN results are of the history.
With STANDALONE, that the kernels are others."
  (message "reval: connected again%s"
           (cond (standalone "; the kernels ended with the server")
                 ((zerop shown) "")
                 ((= shown 1) "; 1 result of before is marked with its date")
                 (t (format "; %d results of before are marked with their date" shown)))))

(provide 'reval-reconnect)
;;; reval-reconnect.el ends here
