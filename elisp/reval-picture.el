;;; reval-picture.el --- Pictures in the output and beside the code  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A display or a value whose richest form is a picture.  In an output buffer
;; it is as many lines as it is high, each of which shows a slice of it: a
;; window scrolls by lines, and one high line would take the rest of the
;; output with it.  Where Emacs shows no pictures, a label stands for it, and so
;; it does for one whose drawing would take long: Emacs would do nothing else
;; meanwhile, so that another program opens it, when its user asks for it.
;;
;; A picture is two large strings and what was read of the process.  By default
;; Emacs would collect garbage after four of 50 KB, which takes 20 to 40 ms and
;; ten times as long as all else that is done for them.  So this waits until no
;; more of them come.

;;; Code:

(require 'reval-session)
(require 'reval-text)

(defcustom reval-picture-max-width 800
  "Widest that a picture is shown, in pixels."
  :type 'integer
  :group 'reval)

(defcustom reval-picture-max-height 'window
  "Highest that a picture is shown in an output buffer.
`window': as high as the buffer's window, less a line; a number: so many
pixels; nil: its own height.  The picture opens in full with RET."
  :type '(choice (const :tag "The window's height" window)
                 (integer :tag "Pixels")
                 (const :tag "No limit" nil))
  :group 'reval)

(defconst reval-picture--types
  '(("image/png" . png) ("image/jpeg" . jpeg) ("image/gif" . gif)
    ("image/svg+xml" . svg))
  "Alist of MIME type → type of an Emacs image.")

(defun reval-picture-p (output)
  "Return non-nil if OUTPUT, a plist, has a picture."
  (and (or (plist-get output :data) (plist-get output :withheld))
       (assoc (plist-get output :mime) reval-picture--types)))

(defun reval-picture--whole (output)
  "Return OUTPUT with the picture's data, fetched from the server if need be."
  (if-let* ((evaluation (plist-get output :evaluation))
            (result (reval-command-request
                     (reval-evaluation-document evaluation) "reval.output"
                     :argument (list :evaluation (reval-evaluation-id evaluation)
                                     :index (plist-get output :index))
                     :timeout 30)))
      (aref (plist-get result :outputs) 0)
    output))

(defun reval-picture-bytes (output)
  "Return the bytes of the picture in OUTPUT, as a unibyte string."
  (if (equal (plist-get output :mime) "image/svg+xml")
      (encode-coding-string (plist-get output :data) 'utf-8)
    (base64-decode-string (plist-get output :data))))

(defun reval-picture-image (output &optional max-height)
  "Return the picture in OUTPUT as an image, or nil if it cannot be shown here.
It is at most MAX-HEIGHT pixels high, where that is given."
  (when-let* ((picture (reval-picture-p output))
              (type (cdr picture)))
    (when (and (plist-get output :data)
               (not (plist-get output :withheld))
               (display-images-p) (image-type-available-p type))
      (create-image (reval-picture-bytes output) type t
                    :max-width reval-picture-max-width
                    :max-height max-height
                    ;; A slice of a line's height is then just as high as text.
                    :ascent 'center))))

(defun reval-picture-text (output)
  "Return the picture in OUTPUT as text to insert."
  (reval-picture--put-off-collecting)
  (let ((image (reval-picture-image output (reval-picture--max-height)))
        (label (propertize
                (format "[%s picture%s: RET opens, s saves]"
                        (cdr (reval-picture-p output))
                        (if-let* ((why (plist-get output :withheld))) (concat ", " why) ""))
                'reval-picture output
                'button '(t)
                'category (button-category-symbol 'reval-picture-button))))
    (if image
        (reval-picture--slices image label)
      (concat (propertize label 'face 'reval-link) "\n" (plist-get output :text)))))

(defun reval-picture--slices (image label)
  "Return lines that show IMAGE, each a slice of it, in place of LABEL."
  (pcase-let ((`(,width . ,height) (image-size image t))
              (step (frame-char-height)))
    (cl-loop for top from 0 below height by step
             concat (propertize label 'display
                                (list (list 'slice 0 top width (min step (- height top)))
                                      image))
             ;; The newline is of the text's height, which may be more.
             concat (propertize "\n" 'line-height t)
             ;; The label is the first line's; copied, there are empty ones below.
             do (setq label (apply #'propertize " " (text-properties-at 0 label))))))

(defun reval-picture--max-height ()
  "Return how many pixels high a picture in the current buffer may be, or nil."
  (if (eq reval-picture-max-height 'window)
      (let* ((window (get-buffer-window nil t))
             (line (frame-char-height (and window (window-frame window)))))
        (max line (- (if window (window-body-height window t) (/ (frame-text-height) 2))
                     line)))
    reval-picture-max-height))

;;; Garbage

(defconst reval-picture--most-garbage (* 32 1024 1024)
  "The `gc-cons-threshold', in bytes, while pictures come.")

(defvar reval-picture--collecting nil
  "(TIMER . THRESHOLD) while pictures come: what sets `gc-cons-threshold' back.")

(defun reval-picture--put-off-collecting ()
  "Let Emacs collect garbage when no picture has come for half a second."
  (pcase reval-picture--collecting
    (`(,timer . ,_) (timer-set-time timer (time-add nil 0.5)))
    (_ (when (< gc-cons-threshold reval-picture--most-garbage)
         (setq reval-picture--collecting
               (cons (run-with-timer 0.5 nil #'reval-picture--collect) gc-cons-threshold)
               gc-cons-threshold reval-picture--most-garbage)))))

(defun reval-picture--collect ()
  "Let Emacs collect garbage as before pictures came."
  (when (eql gc-cons-threshold reval-picture--most-garbage) ; nobody else set it
    (setq gc-cons-threshold (cdr reval-picture--collecting)))
  (setq reval-picture--collecting nil))

;;; Commands

(define-button-type 'reval-picture-button
  'action #'reval-picture--open
  'follow-link t
  'face nil
  'help-echo "mouse-1, RET: open the picture; s: save it")

(defun reval-picture--open (button)
  "Open the picture of BUTTON: in a buffer, or where Emacs cannot, outside."
  (let ((output (button-get button 'reval-picture)))
    (if (reval-picture-image output)
        (let ((buffer (generate-new-buffer "*reval picture*")))
          (with-current-buffer buffer
            (set-buffer-multibyte nil)
            (insert (reval-picture-bytes output))
            (set-buffer-modified-p nil)
            (goto-char (point-min))
            (image-mode))
          (pop-to-buffer buffer))
      (reval-picture--open-outside (reval-picture--whole output)))))

(defun reval-picture--open-outside (output)
  "Have another program open the picture in OUTPUT, if it is one."
  (let ((bytes (reval-picture-bytes output)))
    (unless (eq (image-type-from-data bytes) (cdr (reval-picture-p output)))
      (user-error "This is no picture of the type %s" (plist-get output :mime)))
    (let ((file (expand-file-name (concat "picture" (reval-picture--extension output))
                                  (make-temp-file "reval-" t))))
      (reval-picture--write output file)
      (browse-url-of-file file))))

(defun reval-picture-save (file)
  "Write the picture at point to FILE."
  (interactive
   (list (if (get-text-property (point) 'reval-picture)
             (read-file-name "Write the picture to: " nil nil nil
                             (concat "picture"
                                     (reval-picture--extension
                                      (get-text-property (point) 'reval-picture))))
           (user-error "No picture here"))))
  (when (or (not (file-exists-p file))
            (y-or-n-p (format "Overwrite %s? " file)))
    (reval-picture--write (reval-picture--whole (get-text-property (point) 'reval-picture))
                          file)
    (message "Wrote %s" file)))

(defun reval-picture--write (output file)
  "Write the picture in OUTPUT to FILE."
  (let ((coding-system-for-write 'binary))
    (with-file-modes #o600 ; as what it is made from: nobody else's
      (write-region (reval-picture-bytes output) nil file nil 'silent))))

(defun reval-picture--extension (output)
  "Return the file name extension for the picture in OUTPUT."
  (format ".%s" (cdr (reval-picture-p output))))

(provide 'reval-picture)
;;; reval-picture.el ends here
