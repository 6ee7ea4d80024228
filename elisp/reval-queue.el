;;; reval-queue.el --- What runs and what waits  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; `reval-queue' lists what a kernel runs and what waits for it, in order,
;; whichever editor asked.  The list is asked for anew when the server tells that
;; something changed, a moment later and once for all that came at once; as long
;; as an answer is awaited not again.

;;; Code:

(require 'reval-eval)
(require 'tabulated-list)

(defvar-local reval-queue--document nil
  "The document whose session's queue this buffer shows.")

(defvar-local reval-queue--list nil
  "What is listed, plists as of Waiting.")

(defvar-local reval-queue--refresh nil
  "Nil, `asked' while the server is asked, `again' when it must be asked again.
Or the timer that will ask it.")

(defvar reval-queue-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "RET") #'reval-queue-goto)
    (define-key map "d" #'reval-queue-cancel)
    (define-key map "x" #'reval-queue-cancel)
    (define-key map "K" #'reval-queue-move-up)
    (define-key map "J" #'reval-queue-move-down)
    (define-key map (kbd "M-<up>") #'reval-queue-move-up)
    (define-key map (kbd "M-<down>") #'reval-queue-move-down)
    (define-key map "i" #'reval-interrupt)
    map)
  "Keys in the list of what runs and waits.")

(define-derived-mode reval-queue-mode tabulated-list-mode "reval-queue"
  "What one kernel runs and what waits for it, in order.

\\{reval-queue-mode-map}"
  (setq tabulated-list-format [("" 3 nil) ("Since" 9 nil) ("Where" 24 nil)
                               ("By" 8 nil) ("Code" 0 nil)]
        tabulated-list-padding 1)
  (add-hook 'tabulated-list-revert-hook #'reval-queue--ask nil t)
  (tabulated-list-init-header))

(defun reval-queue ()
  "List what the kernel of this buffer does, and what waits for it, in order.
\\<reval-queue-mode-map>There, \\[reval-queue-goto] goes to the code, \
\\[reval-queue-cancel] takes an evaluation from the queue
or interrupts it if it runs, \\[reval-queue-move-up] and \\[reval-queue-move-down] \
move one that waits."
  (interactive)
  (let* ((document (reval-current-document))
         (session (reval-document-session document)))
    (unless session
      (user-error "Nothing was evaluated here yet"))
    (pop-to-buffer (get-buffer-create
                    (format "*reval-queue: %s*" (reval-session-name session))))
    (unless (derived-mode-p 'reval-queue-mode)
      (reval-queue-mode))
    (setq reval-queue--document document
          reval-session-of-buffer session)
    (setf (reval-document-queue document) (current-buffer))
    (reval-queue--ask)))

;;; Asking

(cl-defmethod reval-handle-notification :after
  (connection (_method (eql 'reval/evaluation)) _params)
  "List anew what CONNECTION's sessions run and what waits."
  (reval-queue--changed connection))

(cl-defmethod reval-handle-notification :after
  (connection (_method (eql 'reval/state)) _params)
  "List anew what CONNECTION's sessions run and what waits."
  (reval-queue--changed connection))

(defun reval-queue--changed (connection)
  "Ask soon for the lists of CONNECTION's documents that are in a window."
  (maphash (lambda (_uri document)
             (when-let ((buffer (reval-document-queue document)))
               (when (and (buffer-live-p buffer) (get-buffer-window buffer t))
                 (with-current-buffer buffer
                   (pcase reval-queue--refresh
                     ('nil (setq reval-queue--refresh
                                 (run-with-timer 0.05 nil #'reval-queue--ask-in buffer)))
                     ('asked (setq reval-queue--refresh 'again)))))))
           (reval-connection-documents connection)))

(defun reval-queue--ask-in (buffer)
  "Ask for the list of BUFFER, if it is there."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer (reval-queue--ask))))

(defun reval-queue--ask ()
  "Ask what the current buffer is to list."
  (let ((buffer (current-buffer))
        (document reval-queue--document))
    (when (timerp reval-queue--refresh)
      (cancel-timer reval-queue--refresh))
    (setq reval-queue--refresh nil)
    ;; What a connection that is made again tells brings it up to date.
    (when (reval-connection-live-p (reval-document-connection document))
      (setq reval-queue--refresh 'asked)
      (reval-command-async
       document "reval.queue"
       :failure (lambda (_) (reval-queue--answered buffer nil))
       :then (lambda (list) (reval-queue--answered buffer list))))))

(defun reval-queue--answered (buffer list)
  "Show LIST, plists as of Waiting, in BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((again (eq reval-queue--refresh 'again)))
        (setq reval-queue--refresh nil
              reval-queue--list (append list nil)
              tabulated-list-entries (reval-queue--entries))
        (reval-queue--print)
        (when again
          (reval-queue--ask))))))

(defun reval-queue--print ()
  "Print the list; point stays on its evaluation in each window."
  (let ((points (mapcar (lambda (window)
                          (cons window (tabulated-list-get-id (window-point window))))
                        (get-buffer-window-list nil nil t))))
    (tabulated-list-print t)
    (save-excursion
      (pcase-dolist (`(,window . ,id) points)
        (goto-char (point-min))
        (while (not (or (eobp) (equal id (tabulated-list-get-id))))
          (forward-line))
        (set-window-point window (if (eobp) (point-min) (point)))))))

(defun reval-queue--entries ()
  "Return the lines of the list as `tabulated-list-entries' has them."
  (let ((place 0))
    (or (mapcar
         (lambda (waiting)
           (let ((runs (equal (plist-get waiting :state) "running")))
             (unless runs (cl-incf place))
             (list (plist-get waiting :evaluation)
                   (vector (if runs (reval-text-symbol "●" "*") (number-to-string place))
                           (if runs (reval-queue--since waiting) "")
                           (reval-queue--clean (reval-queue--place waiting))
                           (reval-queue--clean (or (plist-get waiting :by) ""))
                           (reval-queue--clean (plist-get waiting :text))))))
         reval-queue--list)
        '((nil ["" "" "nothing runs or waits" "" ""])))))

(defun reval-queue--clean (text)
  "Return TEXT, which comes from elsewhere, as one line."
  (replace-regexp-in-string "[[:cntrl:]]+" " " text))

(defun reval-queue--since (waiting)
  "Return the time of day at which WAITING, the one at work, began."
  (format-time-string "%T" (time-subtract nil (/ (or (plist-get waiting :elapsed) 0) 1000.0))))

(defun reval-queue--place (waiting)
  "Return where the code of WAITING is, in the form main.py:3."
  (if-let ((evaluation (reval-queue--evaluation waiting)))
      (reval-evaluation-place evaluation)
    (format "%s:%d" (file-name-nondirectory (reval-uri-key (plist-get waiting :uri)))
            (1+ (plist-get waiting :line)))))

(defun reval-queue--evaluation (waiting)
  "Return the evaluation that WAITING is, if its document is open here."
  (when-let* ((connection (reval-document-connection reval-queue--document))
              (evaluation (gethash (plist-get waiting :evaluation)
                                   (reval-connection-evaluations connection))))
    (and (reval-evaluation-document evaluation) evaluation)))

;;; Commands of the list

(defun reval-queue--here ()
  "Return what is listed on the line of point."
  (let ((id (tabulated-list-get-id)))
    (or (seq-find (lambda (waiting) (equal id (plist-get waiting :evaluation)))
                  reval-queue--list)
        (user-error "There is nothing on this line"))))

(defun reval-queue-goto ()
  "Go to the code of the evaluation at point."
  (interactive)
  (let* ((waiting (reval-queue--here))
         (evaluation (reval-queue--evaluation waiting))
         (path (reval-uri-to-path (plist-get waiting :uri))))
    (cond (evaluation (reval-evaluation-goto evaluation))
          ((and path (file-exists-p path))
           (find-file-other-window path)
           (goto-char (point-min))
           (forward-line (plist-get waiting :line)))
          (t (user-error "Its file is not open here")))))

(defun reval-queue-cancel ()
  "Take the evaluation at point from the queue, or interrupt the one at work."
  (interactive)
  (reval-queue--command "reval.cancel" nil))

(defun reval-queue-move-up ()
  "Move the evaluation at point before the one above."
  (interactive)
  (reval-queue--move -1))

(defun reval-queue-move-down ()
  "Move the evaluation at point behind the one below."
  (interactive)
  (reval-queue--move 1))

(defun reval-queue--move (by)
  "Move the evaluation at point BY places."
  (let* ((waiting (reval-queue--here))
         (queue (seq-filter (lambda (other) (equal (plist-get other :state) "queued"))
                            reval-queue--list))
         (place (seq-position queue waiting #'eq)))
    (unless place
      (user-error "It runs already"))
    (unless (< -1 (+ place by) (length queue))
      (user-error "There is none to pass"))
    (reval-queue--command "reval.move" (list :to (+ place by)))))

(defun reval-queue--command (command argument)
  "Send COMMAND with ARGUMENT, a plist, for the evaluation at point."
  (let ((buffer (current-buffer)))
    (reval-command-async
     reval-queue--document command
     :argument (append (list :evaluation (plist-get (reval-queue--here) :evaluation)) argument)
     :then (lambda (_) (reval-queue--ask-in buffer)))))

(provide 'reval-queue)
;;; reval-queue.el ends here
