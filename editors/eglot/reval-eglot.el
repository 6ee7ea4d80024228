;;; reval-eglot.el --- reval in Emacs by eglot alone  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; For Emacs 28.1 with eglot 1.9, and later ones.  Put `reval' on PATH, load this
;; file, and start `M-x eglot' in a buffer.
;;
;;   C-c ; l  the line, or the region        C-c ; c  the cell, from one # %% to the next
;;   C-c ; d  the function or class          C-c ; b  the buffer
;;   C-c ; C-c  interrupt                    C-c ; o  what was printed
;;
;; `M-x eglot-code-actions' offers the same.  Values stand behind the code,
;; errors are Flymake's, ElDoc shows the live value, completion asks the kernel.
;;
;; eglot has one server a buffer: with this, `M-x eglot' starts reval instead of
;; pyright or gopls.  To have both take the package `reval' (../../elisp), which
;; works beside eglot, and not this file.

;;; Code:

(require 'eglot)

(defclass reval-eglot-server (eglot-lsp-server) ()
  :documentation "A connection to `reval lsp'.")

;; Each language has a server of its own: eglot tells one server one language.
(dolist (modes '((python-mode python-ts-mode) (ess-r-mode) (julia-mode) (go-mode go-ts-mode)
                 (js-mode js-ts-mode) (typescript-mode typescript-ts-mode)
                 (sh-mode bash-ts-mode) (scheme-mode) (ruby-mode ruby-ts-mode)))
  (add-to-list 'eglot-server-programs `(,modes . (reval-eglot-server "reval" "lsp"))))

;;; Commands

(cl-defmethod eglot-execute-command ((server reval-eglot-server) command arguments)
  "Have SERVER run COMMAND with ARGUMENTS, without waiting for the answer.
jsonrpc.el of Emacs 28 leaves a request that is waited for by a throw out of
the process filter, and what the server sent right behind the answer lies
there until it sends more."
  (jsonrpc-async-request
   server :workspace/executeCommand (list :command (format "%s" command) :arguments arguments)
   :success-fn #'ignore
   :error-fn (lambda (err) (message "reval: %s" (plist-get err :message)))
   :timeout-fn (lambda () (message "reval: %s is not answered" command))))

(defun reval-eglot-execute (command &rest argument)
  "Run the server's COMMAND on this buffer, with the plist ARGUMENT."
  (let ((server (or (eglot-current-server)
                    (user-error "No server in this buffer: start it with M-x eglot"))))
    (eglot--signal-textDocument/didChange)
    (eglot-execute-command server command
                           (vector (append (eglot--TextDocumentIdentifier) argument)))))

(defun reval-eglot--unit (unit)
  "Evaluate the UNIT around point."
  (reval-eglot-execute "reval.evaluate" :unit unit
                       :position (list :line (1- (line-number-at-pos nil t)) :character 0)))

(defun reval-eglot-evaluate ()
  "Evaluate the region if it is active, else the line."
  (interactive)
  (if (not (use-region-p))
      (reval-eglot--unit "line")
    (reval-eglot-execute "reval.evaluate"
                         :range (list :start (eglot--pos-to-lsp-position (region-beginning))
                                      :end (eglot--pos-to-lsp-position (region-end))))
    (deactivate-mark)))

(defun reval-eglot-cell () "Evaluate the cell." (interactive) (reval-eglot--unit "cell"))
(defun reval-eglot-definition () "Evaluate the definition." (interactive) (reval-eglot--unit "definition"))
(defun reval-eglot-buffer () "Evaluate the buffer." (interactive) (reval-eglot--unit "file"))
(defun reval-eglot-interrupt () "Interrupt the kernel." (interactive) (reval-eglot-execute "reval.interrupt"))
(defun reval-eglot-restart () "Start the kernel anew." (interactive) (reval-eglot-execute "reval.restart"))
(defun reval-eglot-clear () "Remove the results." (interactive) (reval-eglot-execute "reval.clear"))

;;; What is printed

(defun reval-eglot--output ()
  "Return the buffer of what was printed."
  (or (get-buffer "*reval output*")
      (with-current-buffer (get-buffer-create "*reval output*")
        (special-mode)
        (current-buffer))))

(defun reval-eglot-show-output ()
  "Show what was printed."
  (interactive)
  (display-buffer (reval-eglot--output)))

(cl-defmethod eglot-handle-notification
  ((_server reval-eglot-server) (_method (eql window/logMessage)) &key message &allow-other-keys)
  "Append MESSAGE, a piece of what is printed, and show its last line."
  (with-current-buffer (reval-eglot--output)
    (save-excursion
      (goto-char (point-max))
      (let ((inhibit-read-only t)) (insert message))))
  (let ((message-log-max nil))
    (message "%s" (car (last (split-string message "\n" t))))))

;;; Values behind the code

;; eglot 1.9 has no inlay hints, and later ones do not ask for them anew when an
;; evaluation ends: the server says when, and the buffers' hints are drawn here.

(cl-defmethod eglot-client-capabilities ((_server reval-eglot-server))
  "Add that the server may say when its inlay hints have changed."
  (let ((capabilities (cl-call-next-method)))
    (plist-put capabilities :workspace
               (append '(:inlayHint (:refreshSupport t)) (plist-get capabilities :workspace)))))

(cl-defmethod eglot-handle-request
  ((server reval-eglot-server) (_method (eql workspace/inlayHint/refresh)) &rest _)
  "Draw the results in the buffers of SERVER."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p reval-eglot-mode) (eq (eglot-current-server) server))
        (run-with-timer 0 nil #'reval-eglot--ask buffer))))
  nil)

(defun reval-eglot--ask (buffer)
  "Ask for the results in BUFFER, once the server knows its text, and draw them."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (when-let ((server (and (bound-and-true-p reval-eglot-mode) (eglot-current-server))))
        (jsonrpc-async-request
         server :textDocument/inlayHint
         (list :textDocument (eglot--TextDocumentIdentifier)
               :range (list :start (list :line 0 :character 0)
                            :end (list :line (line-number-at-pos (point-max) t) :character 0)))
         :success-fn (lambda (hints)
                       (when (buffer-live-p buffer)
                         (with-current-buffer buffer (reval-eglot--draw hints))))
         :deferred 'reval-eglot--ask)))))

(defun reval-eglot--draw (hints)
  "Show HINTS, all of the buffer's, at the ends of their lines."
  (save-restriction
    (widen)
    (remove-overlays (point-min) (point-max) 'reval-eglot t)
    (save-excursion
      (seq-doseq (hint hints)
        (goto-char (point-min))
        (forward-line (plist-get (plist-get hint :position) :line))
        (let ((overlay (make-overlay (line-end-position) (line-end-position))))
          (overlay-put overlay 'reval-eglot t)
          (overlay-put overlay 'after-string
                       (propertize (concat "  " (plist-get hint :label)) 'face 'shadow 'cursor 0)))))))

(defun reval-eglot--after-change (&rest _)
  "Ask whether the edit made results stale."
  (reval-eglot--ask (current-buffer)))

;;; The keys

(defvar reval-eglot-mode-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command) '(("l" . reval-eglot-evaluate)
                                        ("c" . reval-eglot-cell)
                                        ("d" . reval-eglot-definition)
                                        ("b" . reval-eglot-buffer)
                                        ("o" . reval-eglot-show-output)
                                        ("x" . reval-eglot-clear)
                                        ("C-c" . reval-eglot-interrupt)
                                        ("C-r" . reval-eglot-restart)))
      (define-key map (kbd (concat "C-c ; " key)) command))
    map)
  "Keys of `reval-eglot-mode'.")

(define-minor-mode reval-eglot-mode
  "Keys and results of reval in a buffer that eglot manages by it."
  :lighter nil
  (if reval-eglot-mode
      (add-hook 'after-change-functions #'reval-eglot--after-change t t)
    (remove-hook 'after-change-functions #'reval-eglot--after-change t)
    (save-restriction
      (widen)
      (remove-overlays (point-min) (point-max) 'reval-eglot t))))

(defun reval-eglot--managed ()
  "Turn `reval-eglot-mode' on where reval is the server, and off where it was."
  (let ((ours (and (eglot-managed-p) (cl-typep (eglot-current-server) 'reval-eglot-server))))
    (unless (eq ours (bound-and-true-p reval-eglot-mode))
      (reval-eglot-mode (if ours 1 -1)))
    (when (and ours (fboundp 'eglot-inlay-hints-mode))
      (eglot-inlay-hints-mode -1))))
(add-hook 'eglot-managed-mode-hook #'reval-eglot--managed)

(provide 'reval-eglot)
;;; reval-eglot.el ends here
