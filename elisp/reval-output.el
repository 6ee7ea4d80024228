;;; reval-output.el --- The buffer of streams, errors and pictures  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A session has one output buffer.  Each evaluation that wrote something has
;; a block in it: a header that names the code, then its outputs in order.
;;
;; What must stay true here:
;;
;; - An output lands in the block of its evaluation, wherever that stands,
;;   never simply at the end of the buffer.
;; - The work for a notification does not grow with the buffer: a text is
;;   inserted at once, no font-lock and no undo, and what is too much is cut
;;   off at the front.
;; - A window whose point is at the end follows the output, every other
;;   window stays where its reader put it.  No window is ever selected.

;;; Code:

(require 'reval-session)
(require 'reval-picture)

(defcustom reval-output-display '(stream display error)
  "Kinds of output for which the output buffer is brought to a window.
It happens with the first such output of an evaluation, and the window is
not selected.  nil: never; see `reval-show-output'."
  :type '(set (const :tag "Streams" stream)
              (const :tag "Pictures and other displays" display)
              (const :tag "Errors" error)
              (const :tag "Values" result))
  :group 'reval)

(defcustom reval-output-display-action
  '((display-buffer-reuse-window display-buffer-in-previous-window
                                 display-buffer-at-bottom)
    (inhibit-same-window . t)
    (window-height . 0.4))
  "How the output buffer is brought to a window.
It is the action that `display-buffer' gets."
  :type display-buffer--action-custom-type
  :risky t
  :group 'reval)

(defcustom reval-output-max-lines 20000
  "Lines that an output buffer keeps; the oldest go first.
It keeps at most 200 times as many characters.
\\<reval-output-mode-map>\\[reval-output-whole] fetches all that an evaluation brought."
  :type 'integer
  :group 'reval)

(defcustom reval-output-max-columns 2000
  "Characters of a line that are shown, most of them at its beginning.
Emacs is slow with very long lines, so the rest is hidden behind an
ellipsis.  `reval-output-toggle-long-lines' shows it."
  :type 'integer
  :group 'reval)

(defface reval-output-header '((t :inherit (shadow bold) :extend t))
  "Face of the line above the output of an evaluation."
  :group 'reval)

(defface reval-output-stderr '((t :inherit warning))
  "Face of what was written to stderr."
  :group 'reval)

(cl-defstruct (reval-output--log (:constructor reval-output--log-make) (:copier nil))
  "What an output buffer holds."
  session
  (blocks (make-hash-table :test #'equal)) ; id of an evaluation → block
  (checked 0)                              ; size of the buffer after the last cut
  long)                                    ; non-nil when long lines are shown whole

(cl-defstruct (reval-output--block (:constructor reval-output--block-make) (:copier nil))
  "The output of one evaluation: a header, then outputs in the order of arrival.
An output ends where the next one begins, the last one at the block's end.
Blocks may grow in any order.  So the beginning of a block gives way to text
that is inserted there, and every other marker is moved by hand."
  evaluation
  beg body end           ; markers: of the header, of the outputs, behind them
  outputs                ; list of (INDEX . MARKER), last first
  told                   ; what its header tells, as of `reval-output--to-tell'
  fold)                  ; overlay that hides the outputs, or nil

(defvar-local reval-output--log nil
  "What this output buffer holds.")

(defvar reval-output-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map "n" #'reval-output-next)
    (define-key map "p" #'reval-output-previous)
    (define-key map (kbd "RET") #'reval-output-follow)
    (define-key map (kbd "TAB") #'reval-output-toggle)
    (define-key map "l" #'reval-output-toggle-long-lines)
    (define-key map "g" #'reval-output-whole)
    (define-key map "c" #'reval-output-clear)
    (define-key map "i" #'reval-interrupt)
    (define-key map "w" #'reval-output-copy)
    (define-key map "s" #'reval-picture-save)
    map)
  "Keys in an output buffer.")

(define-derived-mode reval-output-mode special-mode "reval-output"
  "Streams, values, errors and pictures of one kernel.

\\{reval-output-mode-map}"
  (buffer-disable-undo)
  (setq truncate-lines nil
        ;; The end stays in sight by moving as little as possible.
        scroll-conservatively 101
        ;; No gaps in pictures.
        line-spacing 0
        ;; Looking for right-to-left text is what makes long lines slow.
        bidi-paragraph-direction 'left-to-right
        bidi-inhibit-bpa t)
  (setq reval-text-link-place-function #'reval-output--link-place)
  (add-to-invisibility-spec '(reval-long . t))
  (add-to-invisibility-spec '(reval-fold . t)))

;;; Buffer and window

(defun reval-output--buffer (session document)
  "Return the output buffer of SESSION, made where there is none.
A session that DOCUMENT has after its server died goes on with the buffer of
the one before."
  (reval-output--take-over session document)
  (let ((buffer (reval-session-output session)))
    (if (buffer-live-p buffer)
        buffer
      (setq buffer (generate-new-buffer
                    (format "*reval-output: %s*" (reval-session-name session))))
      (with-current-buffer buffer
        (reval-output-mode)
        (setq default-directory (reval-connection-root (reval-session-connection session))
              reval-session-of-buffer session
              reval-output--log (reval-output--log-make :session session)))
      (setf (reval-session-output session) buffer))))

(defun reval-output--take-over (session document)
  "Let SESSION, if it has no output buffer, have that of DOCUMENT's former one."
  (when-let* ((former (and document (reval-document-former document)))
              (buffer (reval-session-output former)))
    (setf (reval-document-former document) nil)
    (when (and (buffer-live-p buffer) (not (buffer-live-p (reval-session-output session))))
      (setf (reval-session-output former) nil
            (reval-session-output session) buffer)
      (with-current-buffer buffer
        (setq reval-session-of-buffer session)
        (setf (reval-output--log-session reval-output--log) session)))))

(defun reval-show-output ()
  "Bring the output buffer of this buffer's session to a window."
  (interactive)
  (let* ((document (reval-current-document))
         (session (reval-document-session document)))
    (unless session
      (user-error "Nothing was evaluated here yet"))
    (display-buffer (reval-output--buffer session document) reval-output-display-action)))

(defmacro reval-output--editing (buffer &rest body)
  "Change BUFFER in BODY; windows and point that are at its end stay there.
Return those windows."
  (declare (indent 1) (debug t))
  (let ((followers (make-symbol "followers")) (at-end (make-symbol "at-end")))
    `(with-current-buffer ,buffer
       (let ((,followers (cl-remove-if-not
                          (lambda (window) (= (window-point window) (point-max)))
                          (get-buffer-window-list nil nil t)))
             (,at-end (eobp))
             (inhibit-read-only t)
             (inhibit-modification-hooks t))
         (save-excursion
           (save-restriction
             (widen)
             ,@body))
         (when ,at-end (goto-char (point-max)))
         (dolist (window ,followers ,followers)
           (set-window-point window (point-max)))))))

;;; What the server sends

(defun reval-output-add (evaluation outputs)
  "Put OUTPUTS, a sequence of plists, into the block of EVALUATION."
  (let ((buffer (reval-output--buffer (reval-evaluation-session evaluation)
                                      (reval-evaluation-document evaluation))))
    ;; Before the outputs: a picture is as high as the window.
    (reval-output--maybe-display evaluation outputs buffer)
    (let ((followers (reval-output--editing buffer
                       (seq-doseq (output outputs)
                         (reval-output--put (reval-output--block evaluation) output))
                       (reval-output--trim))))
      (when (seq-some #'reval-picture-p outputs)
        (mapc #'reval-output--end-at-bottom followers)))))

(defun reval-output--end-at-bottom (window)
  "Let WINDOW, whose point is at its end, show as much as it can before that.
Redisplay goes on by whole lines, and where some are higher than others it goes
too far: the top of a picture as high as the window is scrolled away."
  (with-selected-window window
    (recenter -1)))

(defun reval-output-update (evaluation)
  "Show the state of EVALUATION in the header of its block, if it has one."
  (let ((buffer (reval-session-output (reval-evaluation-session evaluation))))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (when-let ((block (gethash (reval-evaluation-id evaluation)
                                   (reval-output--log-blocks reval-output--log))))
          (unless (and (eq evaluation (reval-output--block-evaluation block))
                       (reval-output--header-current-p block))
            (reval-output--editing buffer
              (reval-output--begin-again block evaluation)
              (reval-output--put-header block))))))))

(defun reval-output--maybe-display (evaluation outputs buffer)
  "Bring BUFFER to a window if OUTPUTS of EVALUATION are a reason to."
  (when (and (not (reval-evaluation-shown evaluation))
             (seq-some (lambda (output)
                         (memq (intern (plist-get output :kind)) reval-output-display))
                       outputs))
    (setf (reval-evaluation-shown evaluation) t)
    (unless (get-buffer-window buffer 'visible)
      (with-current-buffer buffer (goto-char (point-max)))
      (let ((window (display-buffer buffer reval-output-display-action)))
        (when window
          (set-window-point window (with-current-buffer buffer (point-max))))))))

(defconst reval-output--separator (propertize "\n" 'reval-separator t)
  "Newline behind a block whose last line has none.")

(defun reval-output--block (evaluation)
  "Return the block of EVALUATION in the current buffer, made where there is none."
  (let ((id (reval-evaluation-id evaluation))
        (blocks (reval-output--log-blocks reval-output--log)))
    (if-let ((block (gethash id blocks)))
        (progn (reval-output--begin-again block evaluation)
               block)
      (let ((block (reval-output--block-make :evaluation evaluation)))
        (goto-char (point-max))
        (unless (bolp) (insert reval-output--separator))
        (setf (reval-output--block-beg block) (copy-marker (point) t)
              (reval-output--block-body block) (copy-marker (point))
              (reval-output--block-end block) (copy-marker (point)))
        (reval-output--put-header block)
        (puthash id block blocks)))))

(defun reval-output--begin-again (block evaluation)
  "Empty BLOCK where it is not of EVALUATION, which another server has brought."
  (unless (eq evaluation (reval-output--block-evaluation block))
    (delete-region (reval-output--block-body block) (reval-output--block-end block))
    (setf (reval-output--block-outputs block) nil
          (reval-output--block-evaluation block) evaluation)
    (reval-output--put-header block)))

(defun reval-output--to-tell (block)
  "Return (PLACE BY STATE MILLISECONDS), what the header of BLOCK is to tell now."
  (let ((evaluation (reval-output--block-evaluation block)))
    (list (reval-evaluation-place evaluation)
          (reval-evaluation-by evaluation)
          (reval-evaluation-state evaluation)
          (reval-evaluation-elapsed evaluation))))

(defun reval-output--header (block)
  "Return the header of BLOCK as it is to be now."
  (let* ((evaluation (reval-output--block-evaluation block))
         (beg (marker-position (reval-output--block-beg block)))
         (time (or (and (< beg (reval-output--block-body block))
                        (get-text-property beg 'reval-time))
                   (format-time-string "%H:%M:%S"))))
    (propertize
     (concat (reval-evaluation-place evaluation)
             (and (reval-evaluation-by evaluation)
                  (concat ", " (reval-evaluation-by evaluation)))
             "  " time "  " (reval-output--state evaluation) "\n")
     'face 'reval-output-header
     'reval-header evaluation
     'reval-time time
     'help-echo "RET: go to the code; TAB: hide or show the output")))

(defun reval-output--header-current-p (block)
  "Return non-nil if the header of BLOCK need not be written anew."
  (and (< (reval-output--block-beg block) (reval-output--block-body block))
       (equal (reval-output--block-told block) (reval-output--to-tell block))))

(defun reval-output--put-header (block)
  "Write the header of BLOCK, or write it anew."
  (setf (reval-output--block-told block) (reval-output--to-tell block))
  (let* ((beg (marker-position (reval-output--block-beg block)))
         (old (marker-position (reval-output--block-body block)))
         ;; The header of a long output may have been cut off.
         (fresh (= beg old (reval-output--block-end block)))
         (header (reval-output--header block)))
    (goto-char old)
    (if fresh
        ;; Here ends the block before, whose marker is to stay.
        (insert header)
      ;; Outputs, end and the next block may all begin here: all give way.
      (insert-before-markers header))
    (let ((body (point)))
      (delete-region beg old)
      (setq body (- body (- old beg)))
      (set-marker (reval-output--block-beg block) beg)
      (set-marker (reval-output--block-body block) body)
      (when fresh
        (set-marker (reval-output--block-end block) body)))))

(defun reval-output--state (evaluation)
  "Return a few words on the state of EVALUATION."
  (let ((time (and (reval-evaluation-elapsed evaluation)
                   (reval-text-time (reval-evaluation-elapsed evaluation)))))
    (pcase (reval-evaluation-state evaluation)
      ("done" (concat (reval-text-symbol "✓ " "ok ") time))
      ("error" (concat (reval-text-symbol "✗ " "x ") time))
      (state state))))

(defun reval-output--put (block output)
  "Put OUTPUT, a plist, into BLOCK."
  (let* ((kind (plist-get output :kind))
         (cell (assq (plist-get output :index) (reval-output--block-outputs block)))
         (back (plist-get output :back)))
    (cond
     ((equal kind "clear")
      (delete-region (reval-output--block-body block) (reval-output--block-end block))
      (setf (reval-output--block-outputs block) nil))
     ((and cell (equal kind "stream"))
      (let ((end (reval-output--output-end block cell)))
        (when back
          (delete-region (max (cdr cell) (- end back)) end)
          (setq end (reval-output--output-end block cell)))
        (reval-output--insert block cell end (reval-output--stream-text output))))
     (cell
      (delete-region (cdr cell) (reval-output--output-end block cell))
      (reval-output--insert block cell (marker-position (cdr cell))
                            (reval-output--text output)))
     (t
      (let ((end (marker-position (reval-output--block-end block))))
        (setq cell (cons (plist-get output :index) (copy-marker end)))
        (push cell (reval-output--block-outputs block))
        (reval-output--insert block cell end (reval-output--text output)))))
    (reval-output--separate block)))

(defun reval-output--separate (block)
  "Let the line after BLOCK begin a line, with no empty one before it."
  (goto-char (reval-output--block-end block))
  (let ((separated (get-text-property (point) 'reval-separator)))
    (cond ((eobp))
          ((and (bolp) separated) (delete-char 1))
          ((not (or (bolp) separated)) (insert reval-output--separator)))))

(defun reval-output--output-end (block cell)
  "Return where the output of BLOCK that CELL stands for ends."
  (let ((next (cl-loop for (later . rest) on (reval-output--block-outputs block)
                       when (eq (car rest) cell) return later)))
    (marker-position (if next (cdr next) (reval-output--block-end block)))))

(defun reval-output--insert (block cell pos text)
  "Insert TEXT at POS, which is in BLOCK the end of the output of CELL."
  (goto-char pos)
  (unless (or (bolp) (/= pos (cdr cell)))
    (insert "\n"))
  (insert text)
  (let ((end (point)))
    (cl-loop for later in (reval-output--block-outputs block)
             until (eq later cell)
             when (= (cdr later) pos) do (set-marker (cdr later) end))
    (when (= (reval-output--block-end block) pos)
      (set-marker (reval-output--block-end block) end))
    (reval-output--hide-long-lines pos end)))

(defun reval-output--text (output)
  "Return OUTPUT, a plist, as text to insert."
  (pcase (plist-get output :kind)
    ("stream" (reval-output--stream-text output))
    ("result" (reval-output--mark-value (reval-output--rich-text output)))
    (_ (reval-output--rich-text output))))

(defun reval-output--stream-text (output)
  "Return the text of OUTPUT, a stream."
  (let ((text (reval-text-propertize (plist-get output :text) (plist-get output :spans)
                                     (plist-get output :links))))
    (when (equal (plist-get output :name) "stderr")
      (add-face-text-property 0 (length text) 'reval-output-stderr t text))
    text))

(defun reval-output--rich-text (output)
  "Return OUTPUT, which is no stream, as whole lines."
  (let ((text (if (reval-picture-p output)
                  (reval-picture-text output)
                (reval-text-propertize (plist-get output :text) (plist-get output :spans)
                                       (plist-get output :links)))))
    (if (string-suffix-p "\n" text) text (concat text "\n"))))

(defun reval-output--mark-value (text)
  "Return TEXT, a value, with a sign before it that is not part of it."
  (let ((sign (propertize (reval-text-symbol "⇒ " "=> ") 'face 'reval-output-header))
        (first (1+ (or (string-search "\n" text) (1- (length text))))))
    (put-text-property 0 first 'line-prefix sign text)
    (put-text-property first (length text) 'line-prefix
                       (make-string (string-width sign) ?\s) text)
    text))

;;; Limits

(defun reval-output--hide-long-lines (beg end)
  "Hide what is too much of the lines from BEG to END."
  (unless (reval-output--log-long reval-output--log)
    (save-excursion
      (goto-char beg)
      (forward-line 0)
      (while (< (point) end)
        (let ((end-columns (/ reval-output-max-columns 10))
              (start (point))
              (eol (reval-document-line-end)))
          (when (> (- eol start) reval-output-max-columns)
            (put-text-property (- (+ start reval-output-max-columns) end-columns)
                               (- eol end-columns) 'invisible 'reval-long))
          (goto-char eol)
          (forward-char (if (eobp) 0 1))
          (when (eobp) (setq end (point))))))))

(defun reval-output--trim ()
  "Cut off the oldest lines of the current buffer, if there are too many.
The lines are counted only now and then, so that a notification stays cheap."
  (when (> (buffer-size) (+ (reval-output--log-checked reval-output--log)
                            (* 4 reval-output-max-lines)))
    (let ((extra (- (count-lines (point-min) (point-max)) reval-output-max-lines))
          (first (- (point-max) (* 200 reval-output-max-lines))))
      (goto-char (point-min))
      (when (> extra 0) (forward-line extra))
      (when (< (point) first)
        (goto-char first)
        ;; To the start of a line, if there is one near.
        (search-forward "\n" (min (point-max) (+ first 10000)) t))
      (when (> (point) (point-min))
        (delete-region (point-min) (point))
        (insert-before-markers
         (propertize (substitute-command-keys
                      "Earlier output was dropped, see `reval-output-max-lines'; \
\\<reval-output-mode-map>\\[reval-output-whole] below fetches it\n")
                     'face 'reval-output-header))
        (reval-output--forget-blocks (point))))
    (setf (reval-output--log-checked reval-output--log) (buffer-size))))

(defun reval-output--forget-blocks (pos)
  "Forget the blocks that end before or at POS, unless they may still grow."
  (let ((blocks (reval-output--log-blocks reval-output--log)))
    (maphash (lambda (id block)
               (when (and (<= (reval-output--block-end block) pos)
                          (reval-evaluation-ended-p (reval-output--block-evaluation block)))
                 (reval-output--forget block)
                 (remhash id blocks)))
             blocks)))

(defun reval-output--forget (block)
  "Let go of the markers of BLOCK."
  (dolist (marker `(,(reval-output--block-beg block) ,(reval-output--block-body block)
                    ,(reval-output--block-end block)
                    ,@(mapcar #'cdr (reval-output--block-outputs block))))
    (set-marker marker nil))
  (when-let ((fold (reval-output--block-fold block)))
    (delete-overlay fold)))

;;; Commands of the output buffer

(defun reval-output-whole ()
  "Show all that the evaluation at point brought, in a buffer of its own.
That is where lines were dropped from this one, or left out before."
  (interactive)
  (let* ((evaluation (reval-output--block-evaluation (reval-output--block-at-point)))
         (document (reval-evaluation-document evaluation)))
    (unless (and document (buffer-live-p (reval-document-buffer document)))
      (user-error "The buffer that was evaluated is closed"))
    (reval-command-async
     document "reval.output"
     :argument (list :evaluation (reval-evaluation-id evaluation))
     :then (lambda (result)
             (reval-output--show-whole evaluation (plist-get result :outputs))))))

(defun reval-output--show-whole (evaluation outputs)
  "Show OUTPUTS, which are all that EVALUATION brought."
  (let ((session (reval-evaluation-session evaluation)))
    (with-current-buffer (get-buffer-create
                          (format "*reval-output: all of %s*"
                                  (reval-evaluation-place evaluation)))
      (reval-output-mode)
      (setq reval-session-of-buffer session
            reval-output--log (reval-output--log-make :session session))
      (let ((inhibit-read-only t)
            (inhibit-modification-hooks t))
        (erase-buffer)
        (seq-doseq (output outputs)
          (reval-output--put (reval-output--block evaluation) output))
        (goto-char (point-min)))
      (pop-to-buffer (current-buffer)))))

(defun reval-output-next ()
  "Go to the output of the next evaluation."
  (interactive)
  (let ((start (point)))
    (goto-char (or (next-single-property-change (point) 'reval-header) (point-max)))
    (unless (or (eobp) (get-text-property (point) 'reval-header))
      (goto-char (or (next-single-property-change (point) 'reval-header) (point-max))))
    (when (eobp)
      (goto-char start)
      (user-error "No later evaluation"))))

(defun reval-output-previous ()
  "Go to the output of the evaluation before."
  (interactive)
  (let ((header (save-excursion
                  (forward-line 0)
                  (while (and (zerop (forward-line -1))
                              (not (get-text-property (point) 'reval-header))))
                  (and (get-text-property (point) 'reval-header) (point)))))
    (unless (and header (< header (point)))
      (user-error "No earlier evaluation"))
    (goto-char header)))

(defun reval-output--block-at-point ()
  "Return the block that point is in."
  (or (cl-loop for block being the hash-values of
               (reval-output--log-blocks reval-output--log)
               when (and (<= (reval-output--block-beg block) (point))
                         (or (< (point) (reval-output--block-end block))
                             (and (eobp)
                                  (= (point) (reval-output--block-end block)))))
               return block)
      (user-error "No evaluation here")))

(defun reval-output--link-place (link)
  "Return LINK as it leads now, after edits of the code that it names."
  (let ((document (and (plist-get link :place)
                       (reval-document-find
                        (reval-session-connection reval-session-of-buffer)
                        (plist-get link :uri)))))
    (or (and document
             (ignore-error (error)
               (reval-command-request document "reval.place" :timeout 1
                                      :argument (list :place (plist-get link :place)))))
        link)))

(defun reval-output-follow ()
  "Follow the link, or open the picture at point; else go to the code."
  (interactive)
  (if (button-at (point))
      (push-button)
    (reval-evaluation-goto
     (reval-output--block-evaluation (reval-output--block-at-point)))))

(defun reval-output-toggle ()
  "Hide or show the output of the evaluation at point."
  (interactive)
  (let* ((block (reval-output--block-at-point))
         (fold (reval-output--block-fold block)))
    (if fold
        (progn (delete-overlay fold)
               (setf (reval-output--block-fold block) nil))
      ;; From the end of the header's line to the end of the last line.
      (setq fold (make-overlay (1- (reval-output--block-body block))
                               (1- (reval-output--block-end block)) nil nil t))
      (overlay-put fold 'invisible 'reval-fold)
      (setf (reval-output--block-fold block) fold)
      (goto-char (reval-output--block-beg block)))))

(defun reval-output-toggle-long-lines ()
  "Show long lines whole, or hide again what is too much of them."
  (interactive)
  (let ((long (not (reval-output--log-long reval-output--log)))
        (inhibit-read-only t))
    (setf (reval-output--log-long reval-output--log) long)
    (if long
        (remove-text-properties (point-min) (point-max) '(invisible nil))
      (reval-output--hide-long-lines (point-min) (point-max)))
    (message (if long "Long lines are shown whole" "Long lines are cut"))))

(defun reval-output-clear ()
  "Empty this output buffer.
What still runs goes on to write into it."
  (interactive)
  (let ((inhibit-read-only t))
    (erase-buffer)
    (maphash (lambda (_id block) (reval-output--forget block))
             (reval-output--log-blocks reval-output--log))
    (clrhash (reval-output--log-blocks reval-output--log))
    (setf (reval-output--log-checked reval-output--log) 0)))

(defun reval-output-copy ()
  "Copy the region, or the output of the evaluation at point, to the kill ring."
  (interactive)
  (let ((text (if (use-region-p)
                  (buffer-substring-no-properties (region-beginning) (region-end))
                (let ((block (reval-output--block-at-point)))
                  (buffer-substring-no-properties (reval-output--block-body block)
                                                  (reval-output--block-end block))))))
    (kill-new text)
    (let ((lines (length (split-string text "\n" t))))
      (message "Copied %d line%s" lines (if (= lines 1) "" "s")))))

(provide 'reval-output)
;;; reval-output.el ends here
