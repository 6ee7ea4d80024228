;;; reval-eval.el --- Evaluate code and take what comes of it  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; The commands that evaluate, and the two notifications that say what came
;; of it: reval/evaluation is shown beside the code, reval/output in the
;; output buffer.
;;
;; A command waits for the server to acknowledge, which it does without
;; asking the kernel.  So no edit comes between the code that was named and
;; the place that the answer names, and an error is the command's error.

;;; Code:

(require 'reval-expression)
(require 'reval-kernel)
(require 'reval-overlay)
(require 'reval-output)

(defcustom reval-flash t
  "Whether the code that is evaluated lights up for a moment."
  :type 'boolean
  :group 'reval)

(defface reval-flash '((t :inherit highlight :extend t))
  "Face of code that is being sent."
  :group 'reval)

;;; Commands

(defun reval-eval-region (beg end &optional insert)
  "Evaluate the code between BEG and END.
With a prefix argument INSERT, insert the value after it as well."
  (interactive (if (use-region-p)
                   (list (region-beginning) (region-end) current-prefix-arg)
                 (user-error "No region is active")))
  (when insert (barf-if-buffer-read-only))
  (reval-eval--range beg end (and insert (reval-eval--inserter end)))
  (when (and (called-interactively-p 'any) (use-region-p))
    (deactivate-mark)))

(defun reval-eval-line (count)
  "Evaluate the statement that the line of point belongs to.
With a prefix argument COUNT, evaluate as many lines from there on.  A
line in a block is a statement by itself."
  (interactive "p")
  (if (= count 1)
      (reval-eval--unit "line")
    (reval-eval--range (save-excursion (forward-line 0) (point))
                       (save-excursion (forward-line (1- count))
                                       (reval-document-line-end)))))

(defun reval-eval-defun ()
  "Evaluate the definition around point."
  (interactive)
  (reval-eval--unit "definition"))

(defun reval-eval-cell ()
  "Evaluate the cell around point."
  (interactive)
  (reval-eval--unit "cell"))

(defun reval-eval-buffer (&optional arguments)
  "Evaluate the whole buffer, cell by cell.
An error stops the cells behind it.  The code finds the name of its file
and ARGUMENTS, a list of strings, as if it had been started as a program.
Interactively, a prefix argument asks for them."
  (interactive
   (list (and current-prefix-arg
              (split-string-shell-command (read-string "Arguments: ")))))
  (reval-eval--start (reval-eval--document)
                     (list :unit "file" :arguments (vconcat arguments))))

(defun reval-eval-to-point ()
  "Evaluate from the start of the buffer to the end of the statement at point.
It is done cell by cell."
  (interactive)
  (reval-eval--unit "toHere"))

(defun reval-eval-last-sexp (&optional insert)
  "Evaluate the expression before point and show its value in the echo area.
With a prefix argument INSERT, insert the value at point as well."
  (interactive "P")
  (when insert (barf-if-buffer-read-only))
  (pcase-let ((`(,beg . ,end) (reval-expression-bounds))
              (inserter (and insert (reval-eval--inserter (point)))))
    (reval-eval--range beg end
                       (lambda (evaluation)
                         (reval-eval--echo evaluation)
                         (when inserter (funcall inserter evaluation))))))

(defun reval-eval-cell-and-next ()
  "Evaluate the cell around point and go to the next one that has code.
Cells of text are passed."
  (interactive)
  (let* ((document (reval-current-document))
         (cells (append (reval-command-request document "reval.cells") nil))
         (start (lambda (cell) (reval-document-point
                                document (plist-get (plist-get cell :range) :start))))
         (text-p (lambda (cell) (eq (plist-get cell :markdown) t)))
         (here (seq-find (lambda (cell) (<= (funcall start cell) (point)))
                         (reverse cells)))
         (next (seq-find (lambda (cell) (and (> (funcall start cell) (point))
                                             (not (funcall text-p cell))))
                         cells))
         (there (copy-marker (if next (funcall start next) (point-max)))))
    (unless (and here (funcall text-p here))
      (reval-eval-cell))
    (push-mark nil t)
    (goto-char there)
    (set-marker there nil)))

(defun reval-next-cell (&optional count)
  "Go to the start of the next cell, or COUNT cells on."
  (interactive "p")
  (reval-eval--goto-cell (or count 1) (lambda () (user-error "No next cell"))))

(defun reval-previous-cell (&optional count)
  "Go to the start of this cell, or of the one before, or COUNT cells back."
  (interactive "p")
  (reval-eval--goto-cell (- (or count 1)) (lambda () (user-error "No previous cell"))))

(defun reval-clear (&optional all)
  "Remove the results that the region, or the line of point, touches.
With a prefix argument ALL, remove all results of the buffer."
  (interactive "P")
  (let* ((document (reval-current-document))
         (region (cond (all nil)
                       ((use-region-p) (cons (region-beginning) (region-end)))
                       (t (cons (point) (point)))))
         (evaluations (if region
                          (reval-overlay-at (car region) (cdr region))
                        (copy-sequence (reval-document-evaluations document)))))
    (reval-document-flush document)
    (when (reval-connection-live-p (reval-document-connection document))
      (reval-command-async
       document "reval.clear"
       :argument (and region (list :range (reval-document-range
                                           document (car region) (cdr region))))))
    (mapc #'reval-overlay-remove evaluations)))

;;; What the commands share

(defun reval-eval--range (beg end &optional on-end)
  "Evaluate the code from BEG to END.
ON-END is called with the evaluation when it ended."
  (let ((document (reval-eval--document)))
    (reval-eval--start document
                       (list :range (reval-document-range document beg end))
                       on-end)))

(defun reval-eval--unit (unit)
  "Evaluate the UNIT, in the server's words, around point."
  (let ((document (reval-eval--document)))
    (reval-eval--start document
                       (list :unit unit :position (reval-document-position document)))))

(defun reval-eval--document ()
  "Return the document that a command is to evaluate, its edits sent."
  (let ((document (reval-current-document)))
    (with-current-buffer (reval-document-buffer document)
      (when (derived-mode-p 'org-mode)
        (user-error "%s" (substitute-command-keys
                          "Go to a block and press \\<org-mode-map>\\[org-edit-special]: \
reval evaluates in the buffer of the block"))))
    (reval-kernel-offer-host document)
    (reval-document-ready document)
    document))

(defun reval-eval--start (document what &optional on-end)
  "Evaluate WHAT, a plist as of EvaluateParams, in DOCUMENT.
Call ON-END with the evaluation when it ended.  Return the evaluation."
  (let* ((result (reval-command-request document "reval.evaluate"
                                         :argument what
                                         ;; The first one looks for the kernel.
                                         :timeout 15))
         (evaluations
          (mapcar (lambda (one)
                    (let ((evaluation (reval-eval--evaluation
                                       (reval-document-connection document)
                                       (plist-get one :evaluation) document
                                       (reval-document-session document))))
                      (reval-eval--place evaluation (plist-get one :range))
                      evaluation))
                  ;; Of several cells each is one.
                  (or (plist-get result :evaluations) (list result))))
         (evaluation (car (last evaluations))))
    (if (reval-evaluation-ended-p evaluation)
        (when on-end (funcall on-end evaluation))
      (setf (reval-evaluation-on-end evaluation) on-end))
    (when reval-flash
      (reval-eval--flash document evaluations))
    evaluation))

(defun reval-eval--flash (document evaluations)
  "Light up the code of EVALUATIONS in DOCUMENT for a moment, and no other there.
pulse.el changes a face ten times, and all windows are drawn anew each time."
  (reval-eval--end-flash document)
  (setf (reval-document-flash document)
        (cons (run-with-timer 0.2 nil #'reval-eval--end-flash document)
              (mapcar (lambda (evaluation)
                        (let* ((code (reval-evaluation-code evaluation))
                               (flash (make-overlay (overlay-start code) (overlay-end code)
                                                    (overlay-buffer code))))
                          (overlay-put flash 'face 'reval-flash)
                          flash))
                      (seq-filter #'reval-overlay-visible-p evaluations)))))

(defun reval-eval--end-flash (document)
  "Let no code of DOCUMENT be lit up any more."
  (pcase (reval-document-flash document)
    (`(,timer . ,overlays)
     (cancel-timer timer)
     (mapc #'delete-overlay overlays)))
  (setf (reval-document-flash document) nil))

(defun reval-eval--evaluation (connection id document session)
  "Return the evaluation ID of CONNECTION, made where it is not known.
It is one of DOCUMENT, which may be nil, in SESSION."
  (let* ((evaluations (reval-connection-evaluations connection))
         (evaluation (or (gethash id evaluations)
                         (puthash id (reval-eval--make connection id document session)
                                  evaluations))))
    (unless (reval-evaluation-session evaluation)
      (setf (reval-evaluation-session evaluation) session))
    (when document                      ; another one after the buffer was closed
      (setf (reval-evaluation-document evaluation) document))
    evaluation))

(defun reval-eval--make (connection id document session)
  "Make the evaluation ID of CONNECTION, one of DOCUMENT in SESSION.
If a server that died knew it, it is waited for and shown as it was."
  (let ((evaluation (reval-evaluation--make :id id :document document :session session)))
    (when-let* ((former (reval-connection-former connection))
                (before (gethash id former)))
      (setf (reval-evaluation-open evaluation) (reval-evaluation-open before)
            (reval-evaluation-shown evaluation) (reval-evaluation-shown before)
            (reval-evaluation-on-end evaluation) (reval-evaluation-on-end before)))
    evaluation))

(defun reval-eval--place (evaluation range)
  "Show EVALUATION at RANGE of its document, unless it is shown already.
Code that was deleted may have come back, in another place."
  (let ((document (reval-evaluation-document evaluation))
        (session (reval-evaluation-session evaluation)))
    (unless (or (null document) (reval-overlay-visible-p evaluation))
      (with-current-buffer (reval-document-buffer document)
        (reval-overlay-place evaluation (reval-document-region document range)))
      (when session
        (setf (reval-session-document session) document)))))

(defun reval-eval--echo (evaluation)
  "Show what came of EVALUATION in the echo area."
  (let ((value (reval-evaluation-value evaluation)))
    (message "%s" (if value
                      (concat (reval-text-symbol "⇒ " "=> ") (plist-get value :text))
                    (reval-overlay--line evaluation)))))

(defun reval-eval--inserter (pos)
  "Return a function to insert the value of an evaluation at POS."
  (let ((marker (copy-marker pos t)))
    (lambda (evaluation)
      (if (reval-evaluation-value evaluation)
          (reval-overlay-whole-text
           evaluation (lambda (text) (reval-eval--insert text marker)))
        (set-marker marker nil)))))

(defun reval-eval--insert (text marker)
  "Insert TEXT, a value, at MARKER, if its buffer is there and is not read-only."
  (when (marker-buffer marker)
    (with-current-buffer (marker-buffer marker)
      (save-excursion
        (goto-char marker)
        (condition-case err
            (insert text)
          (buffer-read-only (message "reval: the value was not inserted: %s"
                                     (error-message-string err))))))
    (set-marker marker nil)))

(defun reval-eval--goto-cell (count otherwise)
  "Go COUNT cells on, or back if it is negative; without one call OTHERWISE."
  (let* ((document (reval-current-document))
         (starts (mapcar (lambda (cell)
                           (reval-document-point
                            document (plist-get (plist-get cell :range) :start)))
                         (reval-command-request document "reval.cells")))
         (there (if (> count 0)
                    (nth (1- count) (seq-filter (lambda (start) (> start (point))) starts))
                  (nth (- -1 count)
                       (reverse (seq-filter (lambda (start) (< start (point))) starts))))))
    (if there
        (progn (push-mark nil t)
               (goto-char there))
      (funcall otherwise))))

;;; What the server tells

(cl-defmethod reval-handle-notification (connection (_method (eql 'reval/evaluation)) params)
  "Take the state of an evaluation of CONNECTION from PARAMS, and show it."
  (reval-eval--told connection params))

(defun reval-eval--told (connection params)
  "Take PARAMS, an EvaluationParams of CONNECTION, and return its evaluation."
  (let* ((document (reval-document-find connection (plist-get params :uri)))
         (cleared (eq (plist-get params :cleared) t))
         (true (and document (reval-eval--true-p document params)))
         (evaluation (reval-eval--evaluation
                      connection (plist-get params :evaluation) document
                      (reval-session-get connection (plist-get params :session)))))
    (unless true
      (reval-eval--move-failure evaluation params))
    (reval-eval--take evaluation params)
    (cond (cleared (reval-overlay-remove evaluation))
          (true (reval-eval--place evaluation (plist-get params :range)))
          ((and document (not (reval-overlay-visible-p evaluation)))
           (reval-eval-restore document)))
    (reval-overlay-update evaluation)
    (reval-output-update evaluation)
    (when (reval-evaluation-ended-p evaluation)
      (when-let ((on-end (reval-evaluation-on-end evaluation)))
        (setf (reval-evaluation-on-end evaluation) nil)
        (funcall on-end evaluation))
      ;; Late output may still name what is not shown any more.
      (if (not (reval-overlay-visible-p evaluation))
          (setf (reval-evaluation-value evaluation) nil)
        (when (and (reval-overlay--has-value-p evaluation)
                   (null (reval-evaluation-value evaluation)))
          (reval-eval--restore-value document evaluation))))
    evaluation))

(defun reval-eval--true-p (document params)
  "Return non-nil if the ranges in PARAMS are those of DOCUMENT as it is now."
  (and (eql (plist-get params :version) (reval-document-version document))
       (null (reval-document-changes document))))

(defun reval-eval--move-failure (evaluation params)
  "Let the failing line in PARAMS follow EVALUATION's code, which edits have moved."
  (when-let* ((code (reval-evaluation-code evaluation))
              (buffer (overlay-buffer code))
              (failure (plist-get params :error)))
    (let* ((was (plist-get (plist-get (plist-get params :range) :start) :line))
           (start (plist-get (plist-get failure :range) :start))
           (is (with-current-buffer buffer
                 (1- (reval-document-line-number (reval-evaluation-document evaluation)
                                                 (overlay-start code))))))
      (plist-put start :line (max 0 (+ (plist-get start :line) (- is was)))))))

(defun reval-eval-restore (document)
  "Show the results in DOCUMENT that the server has and the buffer lost."
  (unless (reval-document-restoring document)
    (setf (reval-document-restoring document) t)
    (let* ((connection (reval-document-connection document))
           (done (lambda () (setf (reval-document-restoring document) nil))))
      (reval-command-async
       document "reval.evaluations"
       :failure (lambda (_) (funcall done))
       :then
       (lambda (evaluations)
         (funcall done)
         (seq-doseq (params evaluations)
           (let ((known (gethash (plist-get params :evaluation)
                                 (reval-connection-evaluations connection))))
             (unless (and known (reval-overlay-visible-p known))
               (reval-eval--told connection params)))))))))

(defun reval-eval--restore-value (document evaluation)
  "Ask the server for the value of EVALUATION in DOCUMENT."
  (reval-command-async
   document "reval.output"
   :argument (list :evaluation (reval-evaluation-id evaluation))
   :then (lambda (result)
           (reval-eval--take-value evaluation (plist-get result :outputs))
           (reval-overlay-update evaluation))))

(defun reval-eval--take (evaluation params)
  "Take the state of EVALUATION from PARAMS, an EvaluationParams."
  (let ((state (plist-get params :state)))
    (unless (equal state (reval-evaluation-state evaluation))
      (when (equal state "running")
        (setf (reval-evaluation-started evaluation)
              (- (float-time) (/ (or (plist-get params :elapsed) 0) 1000.0))))
      (reval-eval--set-clock evaluation (equal state "running")))
    (setf (reval-evaluation-state evaluation) state
          (reval-evaluation-ahead evaluation) (or (plist-get params :ahead) 0)
          (reval-evaluation-count evaluation) (plist-get params :count)
          (reval-evaluation-elapsed evaluation) (plist-get params :elapsed)
          (reval-evaluation-summary evaluation) (plist-get params :summary)
          (reval-evaluation-failure evaluation) (plist-get params :error)
          (reval-evaluation-message evaluation) (plist-get params :message)
          (reval-evaluation-by evaluation) (plist-get params :by)
          (reval-evaluation-stale evaluation)
          (cond ((eq (plist-get params :stale) t) t)
                ((when-let ((date (plist-get params :restored)))
                   (string-replace "T" " " (substring date 0 16))))
                ((eq (plist-get params :past) t) 'past)))))

(defun reval-eval--set-clock (evaluation running)
  "Show every second how long EVALUATION has been RUNNING, if it is."
  (when-let ((clock (reval-evaluation-clock evaluation)))
    (cancel-timer clock))
  (setf (reval-evaluation-clock evaluation)
        (and running (run-with-timer 1 1 #'reval-eval--tick evaluation))))

(defun reval-eval--tick (evaluation)
  "Show how long EVALUATION has been running, as long as it is shown."
  (if (not (reval-overlay-visible-p evaluation))
      (reval-eval--set-clock evaluation nil)
    ;; A value came, and was not the end.
    (setf (reval-evaluation-summary evaluation) nil)
    (reval-overlay-update evaluation)))

(cl-defmethod reval-handle-notification (connection (_method (eql 'reval/output)) params)
  "Show outputs of an evaluation of CONNECTION, taken from PARAMS."
  (let ((evaluation (reval-eval--evaluation
                     connection (plist-get params :evaluation)
                     (reval-document-find connection (plist-get params :uri))
                     (reval-session-get connection (plist-get params :session))))
        (outputs (plist-get params :outputs)))
    (reval-eval--take-value evaluation outputs)
    (reval-output-add evaluation outputs)))

(defun reval-eval--take-value (evaluation outputs)
  "Note which of OUTPUTS is the value of EVALUATION.
It is the last result, or without one the last display."
  (seq-doseq (output outputs)
    (when (plist-get output :withheld)  ; so that its data can be asked for
      (plist-put output :evaluation evaluation))
    (let ((value (reval-evaluation-value evaluation)))
      (pcase (plist-get output :kind)
        ("result" (setf (reval-evaluation-value evaluation) output))
        ("display" (unless (equal (plist-get value :kind) "result")
                     (setf (reval-evaluation-value evaluation) output)))
        ("clear" (setf (reval-evaluation-value evaluation) nil))))))

;;; The end of Emacs

(defun reval-eval--goes-on ()
  "Return a line on what becomes of evaluations that have not ended, or nil."
  (let ((left '(0 . 0)))
    (pcase-dolist (`(,_ . ,connection) reval-connection--all)
      (when (reval-connection-live-p connection)
        (let ((count (seq-count (lambda (evaluation) (not (reval-evaluation-ended-p evaluation)))
                                (hash-table-values (reval-connection-evaluations connection)))))
          (setq left (if (reval-connection-standalone connection)
                         (cons (car left) (+ (cdr left) count))
                       (cons (+ (car left) count) (cdr left)))))))
    (pcase left
      ('(0 . 0) nil)
      (`(0 . ,ends)
       (if (= ends 1) "reval: 1 evaluation ends with Emacs"
         (format "reval: %d evaluations end with Emacs" ends)))
      (`(1 . ,_) "reval: 1 evaluation goes on: its file, opened again, shows what comes, or `reval tail`")
      (`(,on . ,_)
       (format "reval: %d evaluations go on: their files, opened again, show what comes, or `reval tail`"
               on)))))

(defun reval-eval--say-what-goes-on ()
  "Say in the terminal, where it stays, what becomes of what has not ended.
For that the screen is left that programs have for themselves."
  (when-let ((line (and (not noninteractive) (reval-eval--goes-on))))
    (if (eq (framep (selected-frame)) t)
        (send-string-to-terminal (concat "\e[?1049l" line "\r\n\e[?1049h"))
      (princ (concat line "\n") #'external-debugging-output))))

(add-hook 'kill-emacs-hook #'reval-eval--say-what-goes-on)

;;; The end of a server

(defun reval-eval--closed (connection)
  "Mark what CONNECTION was running, whose process ended, as lost.
The results that stand beside the code are told to be of a kernel that is gone."
  (maphash (lambda (_id evaluation)
             (if (reval-evaluation-ended-p evaluation)
                 (setf (reval-evaluation-stale evaluation) 'server)
               (setf (reval-evaluation-state evaluation) "lost"
                     (reval-evaluation-message evaluation) "the server ended")
               (reval-eval--set-clock evaluation nil)
               (reval-output-update evaluation))
             (reval-overlay-update evaluation))
           (reval-connection-evaluations connection)))

(add-hook 'reval-connection-closed-functions #'reval-eval--closed)

(provide 'reval-eval)
;;; reval-eval.el ends here
