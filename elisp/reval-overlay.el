;;; reval-overlay.el --- The value beside the code  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; What came of an evaluation stands after the last line of its code:
;; nothing → a tick and the time it took, one line → the line, more → the
;; first line and how many there are, which opens below the code.
;;
;; An evaluation has an overlay on its code, which moves with the text, an
;; empty one at the end of the code's last line, which carries the result as
;; its after-string, and, after an error, one on the failing line.  None of
;; them changes the text, so that undo, copying and saving know nothing of it.
;; The empty overlay does not stay at the line's end by itself when
;; somebody types there: `reval-overlay-adjust' puts it back.
;;
;; An overlay is one buffer's: the clones of a document's buffer have copies of
;; the three, made anew whenever one of them changes.
;;
;; What must stay true here:
;;
;; - The work for an edit or a notification does not grow with the number of
;;   results: Emacs finds the overlays of the lines that are concerned.

;;; Code:

(require 'reval-session)
(require 'reval-picture)

(defcustom reval-overlay-max-columns 'window
  "Columns of a value that are shown beside the code.
`window': as many as fit into the narrowest window that shows the code;
a number: so many, whatever the window."
  :type '(choice (const :tag "To the window's edge" window)
                 (integer :tag "Columns"))
  :group 'reval)

(defcustom reval-overlay-max-lines 30
  "Lines of a value that are shown below the code when it is opened."
  :type 'integer
  :group 'reval)

(defface reval-result '((t :inherit font-lock-doc-face :slant normal))
  "Face of a value beside the code."
  :group 'reval)

(defface reval-progress '((t :inherit shadow))
  "Face of what is said of an evaluation that waits, runs, or had no value."
  :group 'reval)

(defface reval-stale '((t :inherit shadow :slant italic))
  "Face of a value whose code was changed since."
  :group 'reval)

(defface reval-error '((t :inherit error :weight normal))
  "Face of an error beside the code."
  :group 'reval)

(defface reval-failing-line '((((supports :underline (:style wave)))
                               :underline (:style wave :color "red"))
                              (t :inherit error))
  "Face of the line that failed."
  :group 'reval)

(defvar reval-overlay-map
  (let ((map (make-sparse-keymap)))
    (define-key map [mouse-1] #'reval-overlay-mouse-toggle)
    (define-key map [mouse-3] #'reval-overlay-mouse-copy)
    map)
  "Keys on a result beside the code.")

;;; Placing

(defun reval-overlay-place (evaluation region)
  "Put EVALUATION's overlays on REGION, a pair of positions.
What was evaluated on these lines before loses its result."
  (pcase-let ((`(,beg . ,end) region))
    (dolist (other (reval-overlay-at beg end))
      (unless (eq other evaluation)
        (reval-overlay-remove other)))
    (setf (reval-evaluation-code evaluation)
          (make-overlay beg end nil t nil)
          (reval-evaluation-result evaluation)
          (make-overlay (reval-overlay--line-end end) (reval-overlay--line-end end)))
    (let ((code (reval-evaluation-code evaluation))
          (result (reval-evaluation-result evaluation)))
      (overlay-put code 'evaporate t)
      (overlay-put code 'reval-evaluation evaluation)
      (overlay-put result 'reval-result evaluation)
      (overlay-put result 'priority 10))
    (push evaluation (reval-document-evaluations (reval-evaluation-document evaluation)))
    (reval-overlay-update evaluation)))

(defun reval-overlay-at (beg end)
  "Return the evaluations whose code touches the lines from BEG to END."
  (save-excursion
    (save-restriction
      (widen)
      (let ((bol (progn (goto-char beg) (forward-line 0) (point)))
            (eol (reval-overlay--line-end end)))
        (delq nil (mapcar (lambda (overlay) (overlay-get overlay 'reval-evaluation))
                          (overlays-in bol eol)))))))

(defun reval-overlay-adjust (beg end)
  "Put the results of the current buffer back to the end of their lines.
The text between BEG and END has just changed."
  (save-excursion
    (save-restriction
      (widen)
      (let ((bol (progn (goto-char beg) (forward-line 0) (point)))
            (eol (reval-overlay--line-end end)))
        (dolist (evaluation (reval-overlay--on-lines bol eol))
          (let ((code (reval-evaluation-code evaluation)))
            (if (null (overlay-buffer code))
                (reval-overlay-remove evaluation)
              (let ((line-end (reval-overlay--line-end (overlay-end code))))
                (move-overlay (reval-evaluation-result evaluation) line-end line-end))
              (reval-overlay--adjust-failing evaluation)
              (reval-overlay--mirror evaluation))))))))

(defun reval-overlay--on-lines (bol eol)
  "Return the evaluations that have an overlay between BOL and EOL."
  (let (evaluations)
    ;; An empty one at EOL is in it, too.
    (dolist (overlay (overlays-in bol (1+ eol)) evaluations)
      (when-let ((evaluation (or (overlay-get overlay 'reval-evaluation)
                                 (overlay-get overlay 'reval-result))))
        (cl-pushnew evaluation evaluations :test #'eq)))))

(defun reval-overlay--adjust-failing (evaluation)
  "Let the mark of the line that failed in EVALUATION end with its line."
  (when-let* ((failing (reval-overlay--failing evaluation))
              (beg (overlay-start failing)))
    (move-overlay failing beg (reval-overlay--line-end beg))))

(defun reval-overlay--failing (evaluation)
  "Return the overlay on the line that failed in EVALUATION, or nil if it is gone."
  (let ((failing (reval-evaluation-failing evaluation)))
    (and failing (overlay-buffer failing) failing)))

(defun reval-overlay--line-end (pos)
  "Return the end of the line of POS."
  (save-excursion
    (goto-char pos)
    (reval-document-line-end)))

(defun reval-overlay-remove (evaluation)
  "Remove what is shown of EVALUATION beside the code."
  ;; Late output still names it.
  (reval-evaluation-find-line evaluation)
  (dolist (overlay (list (reval-evaluation-code evaluation)
                         (reval-evaluation-result evaluation)
                         (reval-evaluation-failing evaluation)))
    (when overlay (delete-overlay overlay)))
  (setf (reval-evaluation-failing evaluation) nil)
  (reval-overlay--mirror evaluation)
  (when-let ((document (reval-evaluation-document evaluation)))
    (setf (reval-document-evaluations document)
          (delq evaluation (reval-document-evaluations document)))))

(defun reval-overlay-remove-all (document)
  "Remove all that is shown of DOCUMENT's evaluations beside the code."
  (mapc #'reval-overlay-remove
        (copy-sequence (reval-document-evaluations document))))

;;; Clones of the buffer

(defun reval-overlay--mirror (evaluation)
  "Show in the clones of its buffer what is shown of EVALUATION there."
  (mapc #'delete-overlay (reval-evaluation-mirrors evaluation))
  (setf (reval-evaluation-mirrors evaluation) nil)
  (when-let ((document (reval-evaluation-document evaluation)))
    (dolist (clone (reval-document-clones document))
      (reval-overlay--mirror-in evaluation clone))))

(defun reval-overlay--mirror-in (evaluation clone)
  "Copy the overlays of EVALUATION to CLONE, a buffer."
  (dolist (overlay (list (reval-evaluation-code evaluation)
                         (reval-evaluation-result evaluation)
                         (reval-evaluation-failing evaluation)))
    (when (and overlay (overlay-buffer overlay))
      (push (move-overlay (copy-overlay overlay) (overlay-start overlay)
                          (overlay-end overlay) clone)
            (reval-evaluation-mirrors evaluation)))))

(defun reval-overlay-mirror-all (document)
  "Show in the current buffer, a clone, what is shown of DOCUMENT's evaluations."
  (reval-overlay-clear)
  (dolist (evaluation (reval-document-evaluations document))
    (reval-overlay--mirror-in evaluation (current-buffer))))

(defun reval-overlay-clear ()
  "Remove all overlays of evaluations from the current buffer, a clone."
  (save-restriction
    (widen)
    (dolist (overlay (overlays-in (point-min) (point-max)))
      (when (or (overlay-get overlay 'reval-evaluation) (overlay-get overlay 'reval-result)
                (overlay-get overlay 'reval-failing))
        (delete-overlay overlay)))))

;;; Showing

(defun reval-overlay-visible-p (evaluation)
  "Return non-nil if EVALUATION has a place in its buffer."
  (let ((code (reval-evaluation-code evaluation)))
    (and code (overlay-buffer code))))

(defun reval-overlay-update (evaluation)
  "Show the state of EVALUATION beside its code."
  (when (reval-overlay-visible-p evaluation)
    (with-current-buffer (overlay-buffer (reval-evaluation-code evaluation))
      (save-restriction
        (widen)
        (reval-overlay--update-failing evaluation)
        (let* ((failing (reval-overlay--failing evaluation))
               (result (reval-evaluation-result evaluation))
               (string (unless (and failing
                                    (= (reval-overlay--line-end (overlay-end failing))
                                       (overlay-end result)))
                         (reval-overlay--string evaluation))))
          ;; Else the windows are drawn anew.
          (unless (equal-including-properties string (overlay-get result 'after-string))
            (overlay-put result 'after-string string))))
      (reval-overlay--mirror evaluation))))

(defun reval-overlay--update-failing (evaluation)
  "Mark the line that failed in EVALUATION, or no line."
  (let ((failing (reval-evaluation-failing evaluation))
        (failure (reval-evaluation-failure evaluation))
        (document (reval-evaluation-document evaluation)))
    (cond
     ((not failure)
      (when failing
        (delete-overlay failing)
        (setf (reval-evaluation-failing evaluation) nil)))
     ((not failing)
      (pcase-let* ((`(,start . ,_)
                    (reval-document-region document (plist-get failure :range)))
                   (beg (save-excursion
                          (goto-char start)
                          (back-to-indentation)
                          (point)))
                   (end (reval-overlay--line-end start))
                   (overlay (make-overlay beg end nil t nil)))
        (overlay-put overlay 'reval-failing t)
        (overlay-put overlay 'face 'reval-failing-line)
        (overlay-put overlay 'evaporate t)
        (overlay-put overlay 'help-echo (reval-overlay--failure-text failure))
        (setf (reval-evaluation-failing evaluation) overlay))))
    (when-let ((overlay (reval-overlay--failing evaluation)))
      (overlay-put overlay 'after-string (reval-overlay--string evaluation)))))

(defun reval-overlay--string (evaluation)
  "Return what is to be shown after the code of EVALUATION."
  (let* ((stale (reval-evaluation-stale evaluation))
         (line (concat (reval-overlay--line evaluation)
                       (pcase stale
                         ('nil nil)
                         ('server " (the server ended since)")
                         ('past " (earlier kernel)")
                         ((pred stringp) (format " (%s)" stale))
                         (_ " (code changed)"))))
         (face (cond (stale 'reval-stale)
                     ((reval-evaluation-failure evaluation) 'reval-error)
                     ((reval-overlay--has-value-p evaluation) 'reval-result)
                     (t 'reval-progress)))
         (badge (reval-overlay--badge evaluation))
         (columns (- (reval-overlay--columns evaluation) (length badge)))
         (string (concat
                  " "
                  (propertize (truncate-string-to-width
                               line columns nil nil (reval-text-symbol "…" "..."))
                              'face face)
                  badge
                  (and (reval-evaluation-open evaluation)
                       (concat "\n" (reval-overlay--block evaluation))))))
    (add-text-properties
     0 (length string)
     (list 'reval-evaluation evaluation 'keymap reval-overlay-map
           'mouse-face 'highlight
           'help-echo "mouse-1: open or close the value; mouse-3: copy it")
     string)
    ;; Point at the end of the line is drawn before the string, not after it.
    (put-text-property 0 1 'cursor t string)
    string))

(defconst reval-overlay--least-columns 20
  "Columns without which a value goes on in the row below.")

(defun reval-overlay--columns (evaluation)
  "Return how many columns there are for the result of EVALUATION."
  (if (integerp reval-overlay-max-columns)
      reval-overlay-max-columns
    (let* ((overlay (or (reval-overlay--failing evaluation)
                        (reval-evaluation-result evaluation)))
           (document (reval-evaluation-document evaluation))
           (width (or (reval-document-width document)
                      (setf (reval-document-width document)
                            (reval-overlay--width document))))
           (column (save-excursion
                     (goto-char (reval-overlay--line-end (overlay-end overlay)))
                     (current-column)))
           ;; A longer line goes on below.  The blank before the result, and at
           ;; the edge room for the cursor.
           (columns (- width (% column width) 2)))
      (if (< columns reval-overlay--least-columns) (+ columns width) columns))))

(defun reval-overlay--width (document)
  "Return the columns of the narrowest of the windows of DOCUMENT."
  (let ((windows (mapcan (lambda (buffer) (get-buffer-window-list buffer nil 'visible))
                         (cons (reval-document-buffer document)
                               (reval-document-clones document)))))
    (if windows
        (apply #'min (mapcar #'window-max-chars-per-line windows))
      (frame-width))))

(defun reval-overlay-fit (&rest _)
  "Let the results of the current buffer end at the edge of its windows.
It is a function for `window-configuration-change-hook'."
  (when-let* ((document (reval-document-current))
              (width (reval-overlay--width document)))
    (unless (or (integerp reval-overlay-max-columns)
                (eql width (reval-document-width document)))
      (setf (reval-document-width document) width)
      (with-current-buffer (reval-document-buffer document)
        (mapc #'reval-overlay-update (reval-document-evaluations document))))))

(defun reval-overlay--line (evaluation)
  "Return the state of EVALUATION, or its value, as one line."
  (let ((summary (reval-evaluation-summary evaluation)))
    (pcase (reval-evaluation-state evaluation)
      ("queued" (let ((ahead (reval-evaluation-ahead evaluation)))
                  (cond ((zerop ahead) "queued")
                        ((< ahead 10) (format "queued, %d ahead" ahead))
                        (t "queued, 10 or more ahead"))))
      ((and "running" (guard (or (not summary) (reval-evaluation-waits evaluation))))
       (let ((seconds (reval-overlay--running-seconds evaluation)))
         (concat (if (reval-evaluation-waits evaluation) "waits for input" "running")
                 (and (>= seconds 1)
                      (concat " " (reval-text-time (* 1000 seconds)))))))
      ("error" (concat (reval-text-symbol "✗ " "x ")
                       (if-let ((failure (reval-evaluation-failure evaluation)))
                           (reval-overlay--failure-text failure)
                         "failed")))
      ("cancelled" (or (reval-evaluation-message evaluation) "cancelled"))
      ("lost" (concat "lost" (and (reval-evaluation-message evaluation)
                                  (concat ": " (reval-evaluation-message evaluation)))))
      (_ (if (reval-overlay--has-value-p evaluation)
             (concat (reval-text-symbol "⇒ " "=> ") (plist-get summary :text))
           (concat (reval-text-symbol "✓ " "ok ")
                   (reval-text-time (or (reval-evaluation-elapsed evaluation) 0))))))))

(defun reval-overlay--running-seconds (evaluation)
  "Return for how many seconds EVALUATION has been running."
  (floor (- (float-time) (or (reval-evaluation-started evaluation) (float-time)))))

(defun reval-overlay--failure-text (failure)
  "Return FAILURE, an error's plist, as one line."
  (let ((value (car (split-string (or (plist-get failure :value) "") "\n")))
        (name (or (plist-get failure :name) "")))
    (cond ((string-empty-p value) name)
          ((string-empty-p name) value)
          (t (concat name ": " value)))))

(defun reval-overlay--has-value-p (evaluation)
  "Return non-nil if EVALUATION has a value to show."
  (let ((summary (reval-evaluation-summary evaluation)))
    (and summary (not (equal (plist-get summary :kind) "none")))))

(defun reval-overlay--badge (evaluation)
  "Return a button that opens the whole value of EVALUATION, or nil."
  (let* ((summary (reval-evaluation-summary evaluation))
         (more (cond ((equal (plist-get summary :kind) "block")
                      ;; The first is shown.
                      (let ((lines (1- (plist-get summary :lines))))
                        (format "%d line%s" lines (if (= lines 1) "" "s"))))
                     ((and (reval-picture-p (reval-evaluation-value evaluation))
                           (plist-get (reval-evaluation-value evaluation) :data)
                           (display-images-p))
                      "picture"))))
    (when more
      (propertize (format " [%s%s]" (if (reval-evaluation-open evaluation) "-" "+") more)
                  'face 'reval-progress))))

(defun reval-overlay--block (evaluation)
  "Return the value of EVALUATION as lines to show below the code."
  (let* ((value (reval-evaluation-value evaluation))
         (image (reval-picture-image value (window-body-height nil t))))
    (if image
        (propertize "[picture]" 'display image)
      (let* ((text (string-trim-right
                    (reval-text-propertize (or (plist-get value :text) "")
                                           (plist-get value :spans))
                    "\n+"))
             (lines (split-string text "\n"))
             ;; Some of them were not even sent.
             (more (- (max (length lines)
                           (or (plist-get (reval-evaluation-summary evaluation) :lines) 0))
                      reval-overlay-max-lines)))
        (concat
         (mapconcat #'identity (seq-take lines reval-overlay-max-lines) "\n")
         (and (> more 0)
              (propertize
               (substitute-command-keys
                (format "\n%d more lines: \\<reval-mode-map>\\[reval-show-output] shows all" more))
               'face 'reval-progress)))))))

;;; Opening and copying

(defun reval-overlay-here ()
  "Return the evaluation whose code or result is on the line of point."
  (or (car (sort (reval-overlay-at (point) (point))
                 (lambda (a b)
                   (> (overlay-start (reval-evaluation-code a))
                      (overlay-start (reval-evaluation-code b))))))
      (user-error "No result on this line")))

(defun reval-toggle-result (evaluation)
  "Open the whole value of the EVALUATION at point below its code, or close it."
  (interactive (list (reval-overlay-here)))
  (unless (reval-evaluation-value evaluation)
    (user-error "There is no value to open here"))
  (setf (reval-evaluation-open evaluation) (not (reval-evaluation-open evaluation)))
  (reval-overlay-update evaluation))

(defun reval-copy-result (evaluation)
  "Copy the value, or the error, of the EVALUATION at point to the kill ring."
  (interactive (list (reval-overlay-here)))
  (cond ((reval-evaluation-value evaluation)
         (reval-overlay-whole-text evaluation #'reval-overlay--copy))
        ((reval-evaluation-failure evaluation)
         (reval-overlay--copy
          (reval-overlay--failure-text (reval-evaluation-failure evaluation))))
        (t (user-error "There is nothing to copy here"))))

(defun reval-overlay--copy (text)
  "Copy TEXT to the kill ring, and say so."
  (kill-new text)
  (message "Copied: %s" (truncate-string-to-width (car (split-string text "\n")) 200)))

(defun reval-overlay-whole-text (evaluation function)
  "Call FUNCTION with the text of the value of EVALUATION.
That is done later if the server has to be asked for what was cut from it."
  (let ((value (reval-evaluation-value evaluation)))
    (if (not (eq (plist-get value :cut) t))
        (funcall function (plist-get value :text))
      (reval-command-async
       (reval-evaluation-document evaluation) "reval.output"
       :argument (list :evaluation (reval-evaluation-id evaluation)
                       :index (plist-get value :index))
       :then (lambda (result)
               (funcall function
                        (plist-get (aref (plist-get result :outputs) 0) :text)))))))

(defun reval-overlay-mouse-toggle (event)
  "Open or close the value that was clicked on with EVENT."
  (interactive "e")
  (reval-toggle-result (reval-overlay--clicked event)))

(defun reval-overlay-mouse-copy (event)
  "Copy the value that was clicked on with EVENT."
  (interactive "e")
  (reval-copy-result (reval-overlay--clicked event)))

(defun reval-overlay--clicked (event)
  "Return the evaluation whose result EVENT was on."
  (pcase (posn-string (event-start event))
    (`(,string . ,pos) (get-text-property pos 'reval-evaluation string))))

(provide 'reval-overlay)
;;; reval-overlay.el ends here
