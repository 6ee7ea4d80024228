;;; reval-test.el --- Tests of the pieces that need no server  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; See run.el for how to run these and those of reval-end-to-end-test.el.

;;; Code:

(require 'ert)
(require 'reval)

;;; Positions and text

(defmacro reval-test-with-document (encoding text &rest body)
  "Run BODY in a buffer with TEXT, a document whose positions use ENCODING.
The document is bound to `document'; its server is played by nobody."
  (declare (indent 2))
  `(with-temp-buffer
     (insert ,text)
     (let* ((connection (reval-test-connection))
            (document (reval-document-attach)))
       (unwind-protect
           (progn
             (setf (reval-connection-encoding connection) ,encoding
                   (reval-document-connection document) connection
                   (reval-document-open document) t)
             ,@body)
         (set-process-query-on-exit-flag (jsonrpc--process connection) nil)
         (setf (reval-connection-stopping connection) t)
         (reval-document-detach)
         (delete-process (jsonrpc--process connection))))))

(defun reval-test-connection ()
  "Return a connection to a process that never says anything."
  (make-instance 'reval-connection :name "reval-test" :root temporary-file-directory
                 :process (lambda ()
                            (make-pipe-process :name "reval-test" :noquery t))))

(ert-deftest reval-test-no-garbage-is-collected-between-pictures ()
  "Emacs collects garbage when no more pictures come, and then as before."
  (let* ((threshold gc-cons-threshold)
         (show (lambda ()
                 (reval-picture-text (list :mime "image/png" :text "a picture"
                                           :data (make-string 68000 ?A)))))
         (wait (lambda ()
                 (should (reval-connection-wait
                          (lambda () (null reval-picture--collecting)) 30)))))
    (funcall show)
    (let ((before gcs-done))
      (dotimes (_ 40) (funcall show))
      (should (= gcs-done before)))
    (funcall wait)
    (should (= gc-cons-threshold threshold))
    (unwind-protect
        (progn (funcall show)
               (setq gc-cons-threshold 1000000) ; a user's doing stays
               (funcall wait)
               (should (= gc-cons-threshold 1000000)))
      (setq gc-cons-threshold threshold))))

(ert-deftest reval-test-wait-ends-with-what-came ()
  "A wait for a process ends when that was read: by itself Emacs reads on for 10 ms."
  (let ((late
         (lambda (_)
           (let* ((came nil)
                  (process (make-process :name "late" :connection-type 'pipe :noquery t
                                         :command '("sh" "-c" "sleep 0.2; echo came; sleep 60")
                                         :filter (lambda (_process _text)
                                                   (setq came (float-time))))))
             (unwind-protect
                 (progn (should (reval-connection-wait (lambda () came) 30 process))
                        (- (float-time) came))
               (delete-process process))))))
    ;; Not each: another program may have the processor meanwhile.
    (should (< (nth 2 (sort (mapcar late '(1 2 3 4 5)) #'<)) 0.001))))

(ert-deftest reval-test-positions ()
  "Positions count what the encoding counts, and come back."
  (pcase-dolist (`(,encoding ,column) '((utf-32 7) (utf-16 8)))
    (reval-test-with-document encoding "größe = 1\ne\u0301🎈 = 漢字.x\n"
      (goto-char (point-min))
      (search-forward "漢")
      (should (equal (reval-document-position document)
                     (list :line 1 :character column)))
      (narrow-to-region (point-min) (point-min))
      (dolist (pos (number-sequence 1 (1+ (buffer-size))))
        (should (= pos (save-restriction
                         (widen)
                         (reval-document-point
                          document (reval-document-position document pos))))))
      ;; Outside of the text is its nearest end.
      (widen)
      (should (= (reval-document-point document '(:line 0 :character 99)) 10))
      (should (= (reval-document-point document '(:line 99 :character 0)) (point-max))))))

(ert-deftest reval-test-lines-after-edits ()
  "The lines of positions are right after any edits, also after unseen ones."
  (reval-test-with-document 'utf-32 "a\nb\n\nc"
    (dotimes (_ 3000)
      (goto-char (1+ (random (1+ (buffer-size)))))
      (let ((inhibit-modification-hooks (zerop (random 4))))
        (pcase (random 4)
          (0 (insert "\n"))
          (1 (insert "xy\nz"))
          (2 (delete-region (point) (1+ (random (1+ (buffer-size))))))
          (_ (insert-and-inherit "v"))))
      (let* ((pos (1+ (random (1+ (buffer-size)))))
             (line (1- (line-number-at-pos pos t)))
             (start (save-excursion (goto-char pos) (line-beginning-position))))
        (when (zerop (random 2))
          (should (= start (reval-document-point document `(:line ,line :character 0)))))
        (should (equal (reval-document-position document pos)
                       `(:line ,line :character ,(- pos start))))
        (should (= (point-max)
                   (reval-document-point document '(:line 99999 :character 0))))))))

(ert-deftest reval-test-wire-text ()
  "What cannot be sent is replaced by as many characters."
  (let* ((text (concat "a\rb" (string (unibyte-char-to-multibyte #xff) #xd800) "🎈"))
         (wire (reval-document--wire-text text)))
    (should (equal wire "a b\ufffd\ufffd🎈"))
    (should (json-serialize wire)))
  ;; Also of a buffer of bytes.
  (should (json-serialize (reval-document--wire-text (unibyte-string ?a #xff)))))

(ert-deftest reval-test-uris ()
  "A path becomes a URI and comes back, however it is escaped."
  (let ((path "/tmp/größe 漢%20#?.py"))
    (should (equal (reval-uri-to-path (reval-path-to-uri path)) path))
    (should (equal (reval-uri-key "file:///a%2Bb%28") (reval-uri-key "file:///a+b(")))
    (should-not (reval-uri-to-path "untitled:x"))))

(ert-deftest reval-test-language-ids ()
  "A derived mode is of its parent's language, an unknown one of its name."
  (with-temp-buffer
    (dolist (case '((python-mode . "python") (js-mode . "javascript")
                    (sh-mode . "shellscript") (text-mode . "text")))
      (funcall (car case))
      (should (equal (reval-document-language-id) (cdr case))))))

;;; Edits

(defun reval-test-apply (text changes)
  "Return TEXT after CHANGES, a vector of TextDocumentContentChangeEvents.
It knows nothing but the LSP specification, for UTF-32."
  (seq-doseq (change changes)
    (let ((range (plist-get change :range)))
      (setq text
            (if (null range)
                (plist-get change :text)
              (concat
               (substring text 0 (reval-test-offset text (plist-get range :start)))
               (plist-get change :text)
               (substring text (reval-test-offset text (plist-get range :end))))))))
  text)

(defun reval-test-offset (text position)
  "Return the offset in TEXT of the LSP POSITION."
  (let ((lines (split-string text "\n")))
    (+ (apply #'+ (mapcar (lambda (line) (1+ (length line)))
                          (seq-take lines (plist-get position :line))))
       (min (plist-get position :character)
            (length (nth (plist-get position :line) lines))))))

(defconst reval-test-edits
  (list (lambda () (insert "x"))
        (lambda () (insert "é🎈\n漢"))
        (lambda () (newline))
        (lambda () (delete-region (point) (min (point-max) (+ (point) (random 12)))))
        (lambda () (kill-line))
        (lambda () (transpose-chars nil))
        (lambda () (upcase-region (point-min) (point)))
        (lambda () (capitalize-word 2))
        (lambda () (transpose-lines 1))
        (lambda () (fill-paragraph))
        (lambda () (indent-region (point-min) (point-max) 2))
        (lambda () (subst-char-in-region (point-min) (point-max) ?a ?b))
        (lambda () (replace-regexp-in-region "[aeiou]" "\\&\\&" (point-min)))
        (lambda () (sort-lines nil (point-min) (point-max)))
        (lambda () (undo-boundary) (undo))
        (lambda () (narrow-to-region (point) (point-max)) (insert "n") (widen)))
  "Edits as users and commands make them, each by its own primitives.")

(ert-deftest reval-test-edits-arrive ()
  "Whatever is edited, the server's text is the buffer's."
  (let ((state (random "reval"))
        (incremental 0))
    (ignore state)
    (dotimes (_ 40)
      (reval-test-with-document 'utf-32 "alpha beta\ngamma 🎈 delta\n\nepsilon\n"
        (buffer-enable-undo)
        (let ((server (buffer-string)))
          (dotimes (_ 15)
            (goto-char (+ (point-min) (random (1+ (buffer-size)))))
            (ignore-errors
              (funcall (nth (random (length reval-test-edits)) reval-test-edits)))
            (let ((changes (reval-document-changes document)))
              (when (consp changes) (cl-incf incremental))
              (setf (reval-document-changes document) nil)
              (setq server (reval-test-apply
                            server (if (listp changes) (reverse changes)
                                     (vector (list :text (buffer-string))))))
              (should (equal server (buffer-string))))))))
    ;; The full text is for the few primitives that do not say what they change.
    (should (> incremental 200))))

;;; Styled text

(ert-deftest reval-test-styles-and-links ()
  "Spans become faces and links buttons, counted in characters."
  (let ((text (reval-text-propertize
               "🎈 bad file"
               [(:start 2 :end 5 :style (:bold t :fg "red" :bg "#010203"))]
               [(:start 6 :end 10 :uri "file:///tmp/x.py" :line 3)])))
    (should (equal text "🎈 bad file"))
    (should-not (get-text-property 1 'face text))
    (let ((face (get-text-property 2 'face text)))
      (should (equal (plist-get face :inherit) '(ansi-color-bold)))
      (should (equal (plist-get face :foreground)
                     (face-foreground 'ansi-color-red nil t)))
      (should (equal (plist-get face :background) "#010203")))
    (should (equal (plist-get (get-text-property 9 'reval-link text) :line) 3))
    (with-temp-buffer
      (insert text)
      (should-not (button-at 5))
      (should (button-at 8)))))

(ert-deftest reval-test-names-are-no-constructs ()
  "The mode line shows a kernel's name as it is, whatever signs it has."
  (let ((session (reval-session--make :kernel "http://host/" :display-name "100%b %e %-"
                                      :state "idle" :queued 0)))
    ;; As a construct; without a frame `format-mode-line' gives nothing.
    (should (equal "reval[100%%b %%e %%- idle]"
                   (substring-no-properties (reval-session--lighter session))))))

(ert-deftest reval-test-times ()
  "Times are told in the unit that a reader wants."
  (should (equal (mapcar #'reval-text-time '(0.4 12.3 1000 1240 61000))
                 '("400 µs" "12 ms" "1 s" "1.2 s" "1 min 1 s"))))

;;; Beside the code

(ert-deftest reval-test-early-value ()
  "A value is shown when it is there, and after it that the evaluation goes on."
  (reval-test-with-document 'utf-32 "3 * 4\n"
    (puthash (reval-uri-key (reval-document-uri document)) document
             (reval-connection-documents connection))
    (let* ((reval-output-display nil)
           (evaluation (reval-eval--evaluation connection "e" document
                                               (reval-session-get connection "s")))
           (tell (lambda (method &rest params)
                   (reval-handle-notification
                    connection method
                    `(:evaluation "e" :session "s" :uri ,(reval-document-uri document)
                      :version 0 :range ( :start (:line 0 :character 0)
                                          :end (:line 0 :character 5))
                      ,@params))))
           (state (lambda (state &rest params)
                    (apply tell 'reval/evaluation :state state params)))
           (shown (lambda ()
                    (string-trim (substring-no-properties
                                  (overlay-get (reval-evaluation-result evaluation)
                                               'after-string))))))
      (funcall state "running")
      (should (equal (funcall shown) "running"))
      (funcall state "running" :summary '(:kind "line" :text "12" :lines 1))
      (should (equal (funcall shown) "⇒ 12"))
      (funcall (timer--function (reval-evaluation-clock evaluation)) evaluation)
      (should (equal (funcall shown) "running"))
      (funcall state "running" :summary '(:kind "line" :text "13" :lines 1))
      (should (equal (funcall shown) "⇒ 13"))
      ;; A question stands before it.
      (setf (reval-evaluation-waits evaluation) t)
      (reval-overlay-update evaluation)
      (should (equal (funcall shown) "waits for input"))
      (setf (reval-evaluation-value evaluation) '(:kind "result" :text "14"))
      (funcall state "done" :summary '(:kind "line" :text "14" :lines 1))
      (should (equal (funcall shown) "⇒ 14")))))

;;; Output buffer

(defmacro reval-test-with-output (&rest body)
  "Run BODY in the output buffer of a new session, bound to `session'."
  `(let* ((connection (reval-test-connection))
          (session (reval-session--make :connection connection :kernel "test"))
          (reval-output-display nil)
          (buffer (reval-output--buffer session nil)))
     (unwind-protect
         (with-current-buffer buffer ,@body)
       (kill-buffer buffer)
       (setf (reval-connection-stopping connection) t)
       (delete-process (jsonrpc--process connection)))))

(defun reval-test-evaluation (id session)
  "Return the evaluation ID of SESSION, whose buffer is closed."
  (reval-evaluation--make :id id :session session :state "running"))

(defun reval-test-put (evaluation &rest outputs)
  "Put OUTPUTS of EVALUATION into the output buffer."
  (reval-output-add evaluation (vconcat outputs)))

(defun reval-test-bodies ()
  "Return the text of each block of the current output buffer."
  (mapcar (lambda (part)
            (mapconcat #'identity (cdr (split-string part "\n")) "\n"))
          (cdr (split-string (buffer-substring-no-properties (point-min) (point-max))
                             "closed buffer"))))

(ert-deftest reval-test-output-order ()
  "Outputs land in the block of their evaluation, at their index."
  (reval-test-with-output
   (let ((a (reval-test-evaluation "a" session))
         (b (reval-test-evaluation "b" session)))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "a0 "))
     (reval-test-put b '(:index 0 :kind "stream" :name "stdout" :text "b0\n"))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "a0'"))
     (should (equal (reval-test-bodies) '("a0 a0'\n" "b0\n")))
     (reval-test-put a '(:index 1 :kind "result" :text "1"))
     (reval-test-put b '(:index 1 :kind "display" :text ""))
     (reval-test-put b '(:index 2 :kind "display" :text "old"))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "\nmore"))
     ;; Replaced, while later ones stand behind.
     (reval-test-put b '(:index 1 :kind "display" :text "new\nlines"))
     (should (equal (reval-test-bodies)
                    '("a0 a0'\nmore\n1\n" "b0\nnew\nlines\nold\n")))
     ;; A header that changes leaves all where it is.
     (setf (reval-evaluation-state a) "done"
           (reval-evaluation-elapsed a) 12)
     (reval-output-update a)
     (reval-output-update b)
     (reval-test-put a '(:index 2 :kind "stream" :name "stderr" :text "end\n"))
     (should (equal (reval-test-bodies)
                    '("a0 a0'\nmore\n1\nend\n" "b0\nnew\nlines\nold\n")))
     (should (string-match-p "12 ms" (buffer-string)))
     (reval-test-put a '(:index 3 :kind "clear" :text ""))
     (reval-test-put a '(:index 4 :kind "stream" :name "stdout" :text "again\n"))
     (should (equal (reval-test-bodies) '("again\n" "b0\nnew\nlines\nold\n"))))))

(ert-deftest reval-test-output-progress-bar ()
  "A progress bar redraws itself in place."
  (reval-test-with-output
   (let ((a (reval-test-evaluation "a" session)))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "🎈 10%"))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :back 5 :text "🎈 99%")
                     '(:index 0 :kind "stream" :name "stdout" :back 5 :text "🎈100%\n"))
     (should (equal (reval-test-bodies) '("🎈100%\n"))))))

(ert-deftest reval-test-output-limits ()
  "Old lines go, the block that grows stays whole; long lines are hidden."
  (reval-test-with-output
   (let ((reval-output-max-lines 100)
         (reval-output-max-columns 50)
         (a (reval-test-evaluation "a" session)))
     (dotimes (i 2000)
       (reval-test-put a (list :index 0 :kind "stream" :name "stdout"
                               :text (format "line %d\n" i))))
     (should (< (count-lines (point-min) (point-max)) 250))
     (should (string-suffix-p "line 1998\nline 1999\n" (buffer-string)))
     (should (string-prefix-p "Earlier output was dropped" (buffer-string)))
     (reval-test-put a (list :index 0 :kind "stream" :name "stdout"
                             :text (make-string 40 ?x)))
     (reval-test-put a (list :index 0 :kind "stream" :name "stdout"
                             :text (concat (make-string 40 ?y) "\nz\n")))
     (goto-char (point-max))
     (search-backward "x")
     ;; 80 characters, of which the last 5 of 50 stay.
     (should-not (get-text-property (+ (point) 5) 'invisible))
     (should (get-text-property (+ (point) 6) 'invisible))
     (should (get-text-property (+ (point) 35) 'invisible))
     (should-not (get-text-property (+ (point) 36) 'invisible))
     (should (equal (buffer-substring (- (point-max) 3) (point-max)) "\nz\n")))))

(ert-deftest reval-test-output-follows ()
  "A window at the end follows; one that was scrolled stays."
  (reval-test-with-output
   (let ((a (reval-test-evaluation "a" session)))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "one\ntwo\n"))
     (save-window-excursion
       (delete-other-windows)
       (set-window-buffer (selected-window) buffer)
       (let ((reader (selected-window))
             (follower (split-window)))
         (set-window-buffer follower buffer)
         (set-window-point follower (point-max))
         (set-window-point reader 5)
         (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "three\n"))
         (should (= (window-point follower) (point-max)))
         (should (= (window-point reader) 5)))))))

(ert-deftest reval-test-output-commands ()
  "The commands of the output buffer move between, fold and copy blocks."
  (reval-test-with-output
   (let ((a (reval-test-evaluation "a" session))
         (b (reval-test-evaluation "b" session))
         (kill-ring nil))
     (reval-test-put a '(:index 0 :kind "stream" :name "stdout" :text "first\n"))
     (reval-test-put b '(:index 0 :kind "stream" :name "stdout" :text "second\n"))
     (goto-char (point-min))
     (reval-output-next)
     (reval-output-copy)
     (should (equal (car kill-ring) "second\n"))
     (should-error (reval-output-next) :type 'user-error)
     (reval-output-previous)
     (should (= (point) (point-min)))
     (reval-output-copy)
     (should (equal (car kill-ring) "first\n"))
     (reval-output-toggle)
     (should (invisible-p (+ (line-end-position) 2)))
     (reval-output-toggle)
     (should-not (invisible-p (+ (line-end-position) 2)))
     (reval-output-clear)
     (should (= (buffer-size) 0))
     (reval-test-put b '(:index 0 :kind "stream" :name "stdout" :text "third\n"))
     (should (equal (reval-test-bodies) '("third\n"))))))

(provide 'reval-test)
;;; reval-test.el ends here
