;;; reval.el --- Evaluate code in a live kernel  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors

;; Author: The reval authors
;; Maintainer: The reval authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: languages, processes, tools
;; URL: https://github.com/reval-editor/reval
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; `reval-mode' joins a buffer of Python, R, Julia, Go … to a live Jupyter
;; kernel.  Evaluate the line, region, definition, cell or buffer: the value
;; appears beside the code, streams, errors and pictures in an output buffer.
;; Completion and ElDoc are answered from the running namespace.  eglot goes on
;; to work in the same buffer.
;;
;; It needs the program `reval' and nothing else: see `reval-command'.
;;
;;     (add-hook 'python-mode-hook #'reval-mode)
;;
;; Keys: C-x C-e evaluates the expression before point and C-M-x the
;; definition, as in Lisp.  Everything else is under C-c ; which no
;; programming mode uses (org-mode does, where this is not for); major
;; modes keep C-c C-LETTER.
;;
;; Charter of the package:
;;
;; - Emacs is never blocked: what waits has a deadline, and the kernel is
;;   never waited for.
;; - What the server can know is left to the server.  Here is only what Emacs
;;   shows and asks.
;; - A buffer, a session and an evaluation are each one object.
;; - A mode that is turned off leaves nothing behind.
;; - Turning the mode on runs nothing: a file may do that.  A command does.
;;
;; Which file is about what:
;;
;; - reval-connection.el: the server's process, requests to it
;; - reval-document.el: buffers as the server sees them, positions
;; - reval-session.el: kernels, their state, the mode line
;; - reval-kernel.el: choose a kernel, here or on a Jupyter server
;; - reval-eval.el: evaluate, and take what comes of it
;; - reval-expression.el: the expression before point
;; - reval-overlay.el: the value beside the code
;; - reval-output.el: the output buffer
;; - reval-picture.el: pictures
;; - reval-text.el: styled text and links
;; - reval-complete.el: completion and ElDoc
;; - reval-inspect.el: what the kernel knows of a name
;; - reval-input.el: answers to a kernel that asks
;; - reval-join.el: sessions that went on when Emacs was closed
;; - reval-reconnect.el: go on after the server died
;; - reval-queue.el: what runs and what waits

;;; Code:

(require 'easymenu)
(require 'reval-complete)
(require 'reval-eval)
(require 'reval-input)
(require 'reval-inspect)
(require 'reval-join)
(require 'reval-kernel)
(require 'reval-queue)
(require 'reval-reconnect)

(defgroup reval nil
  "Evaluate code in a live kernel."
  :group 'languages
  :prefix "reval-"
  :link '(url-link "https://github.com/reval-editor/reval"))

(defcustom reval-keymap-prefix "C-c ;"
  "Keys under which the commands of `reval-mode' are.
Set it before reval is loaded."
  :type 'string
  :group 'reval)

(defvar reval-command-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command)
                   '(("l" . reval-eval-line)
                     ("r" . reval-eval-region)
                     ("d" . reval-eval-defun)
                     ("c" . reval-eval-cell)
                     ("RET" . reval-eval-cell-and-next)
                     ("b" . reval-eval-buffer)
                     ("e" . reval-eval-last-sexp)
                     ("t" . reval-eval-to-point)
                     ("n" . reval-next-cell)
                     ("p" . reval-previous-cell)
                     ("TAB" . reval-toggle-result)
                     ("w" . reval-copy-result)
                     ("x" . reval-clear)
                     ("o" . reval-show-output)
                     ("i" . reval-inspect)
                     ("q" . reval-queue)
                     ("k" . reval-select-kernel)
                     ("C-c" . reval-interrupt)
                     ("C-r" . reval-restart)
                     ("C-k" . reval-shutdown)))
      (define-key map (kbd key) command))
    map)
  "Keys under `reval-keymap-prefix'.")
(fset 'reval-command-map reval-command-map)

(defvar reval-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "C-x C-e") #'reval-eval-last-sexp)
    (define-key map (kbd "C-M-x") #'reval-eval-defun)
    ;; The name is what which-key and `describe-bindings' show.
    (define-key map (kbd reval-keymap-prefix) 'reval-command-map)
    map)
  "Keys of `reval-mode'.")

(easy-menu-define reval-menu reval-mode-map
  "Menu of `reval-mode'."
  '("reval"
    ["Evaluate line" reval-eval-line]
    ["Evaluate region" reval-eval-region :active (use-region-p)]
    ["Evaluate definition" reval-eval-defun]
    ["Evaluate cell" reval-eval-cell]
    ["Evaluate cell and go on" reval-eval-cell-and-next]
    ["Evaluate to here" reval-eval-to-point]
    ["Evaluate buffer" reval-eval-buffer]
    "---"
    ["Open or close the value" reval-toggle-result]
    ["Copy the value" reval-copy-result]
    ["Clear the result here" reval-clear]
    ["Clear all results" (reval-clear t) :keys "\\[universal-argument] \\[reval-clear]"]
    ["Show output" reval-show-output]
    ["Inspect the name at point" reval-inspect]
    "---"
    ["Show what runs and waits" reval-queue]
    ["Interrupt" reval-interrupt]
    ["Restart kernel" reval-restart]
    ["End kernel" reval-shutdown]
    ["Show results of earlier sessions" reval-restore]
    ["Select kernel…" reval-select-kernel]
    ["Check the installation" reval-doctor]))

;;;###autoload
(define-minor-mode reval-mode
  "Evaluate this buffer's code in a live kernel.

The value of what is evaluated appears beside the code, output in a
buffer of its own.  Completion and ElDoc are answered from the running
namespace.

\\{reval-mode-map}"
  :lighter (:eval (reval-session-lighter-text))
  :group 'reval
  (if reval-mode
      (reval--enable)
    (reval--disable)))

(defun reval--enable ()
  "Set up the current buffer for `reval-mode'."
  (let ((document (reval-document-attach)))
    ;; After `reval-document-attach': an edit is noted, then results are moved.
    (add-hook 'after-change-functions #'reval--after-change t t)
    ;; Before eglot's, which lets no other have its turn, even if it was added
    ;; later.  Where the kernel knows nothing, the others are asked.
    (add-hook 'completion-at-point-functions #'reval-completion-at-point -10 t)
    (reval--enable-eldoc)
    (add-hook 'eglot-managed-mode-hook #'reval--enable-eldoc nil t)
    (add-hook 'change-major-mode-hook #'reval--major-mode-changes nil t)
    (add-hook 'after-revert-hook #'reval--reverted nil t)
    (add-hook 'window-configuration-change-hook #'reval-overlay-fit nil t)
    (add-hook 'kill-buffer-hook #'reval--disable nil t)
    (add-hook 'clone-indirect-buffer-hook #'reval--cloned nil t)
    (add-hook 'clone-buffer-hook #'reval--cloned nil t)
    (if (reval-document-clone-p)
        (reval-overlay-mirror-all document)
      ;; A server that runs gets to know the buffer, and none is started: files
      ;; may turn the mode on.  But what was evaluated in this file before, in
      ;; a session that went on, is shown again.
      (if (reval-connection-live-p (reval-connection-last (reval-connection-project-root)))
          (reval-document-connect document)
        (reval-join-look document)))))

(defun reval--enable-eldoc ()
  "Let ElDoc ask the kernel in the current buffer.
Some versions of eglot begin with taking all others' functions away."
  (add-hook 'eldoc-documentation-functions #'reval-eldoc-signature-function nil t)
  (add-hook 'eldoc-documentation-functions #'reval-eldoc-function nil t))

(defun reval--disable ()
  "Undo `reval--enable'."
  (reval--unhook)
  (remove-hook 'after-revert-hook #'reval--reverted t)
  (when-let ((document (reval-document-current)))
    (if (reval-document-clone-p)
        (reval-overlay-clear)
      (dolist (clone (reval-document-clones document))
        (with-current-buffer clone (reval-mode -1)))
      (reval-overlay-remove-all document))
    (reval-document-detach)))

(defun reval--unhook ()
  "Remove the hooks of `reval-mode', but for the one of reverts."
  (remove-hook 'after-change-functions #'reval--after-change t)
  (remove-hook 'completion-at-point-functions #'reval-completion-at-point t)
  (remove-hook 'eldoc-documentation-functions #'reval-eldoc-function t)
  (remove-hook 'eldoc-documentation-functions #'reval-eldoc-signature-function t)
  (remove-hook 'eglot-managed-mode-hook #'reval--enable-eldoc t)
  (remove-hook 'change-major-mode-hook #'reval--major-mode-changes t)
  (remove-hook 'window-configuration-change-hook #'reval-overlay-fit t)
  (remove-hook 'kill-buffer-hook #'reval--disable t)
  (remove-hook 'clone-indirect-buffer-hook #'reval--cloned t)
  (remove-hook 'clone-buffer-hook #'reval--cloned t))

(defun reval--cloned ()
  "Set up a clone of a buffer that has the mode on.
An indirect buffer shares the document of its base, any other copy has its own."
  (unless (buffer-base-buffer)
    (reval-overlay-clear)
    (kill-local-variable 'reval-document--current))
  (reval--enable))

(defun reval--after-change (beg end _length)
  "Move results after the text between BEG and END changed."
  (when-let* ((document (reval-document-current))
              (buffer (reval-document-buffer document)))
    ;; The positions are the same in a clone, the overlays are not.
    (with-current-buffer buffer
      (reval-overlay-adjust beg end))))

(defun reval--major-mode-changes ()
  "Leave nothing behind in a new major mode, unless it is a revert's."
  (if revert-buffer-in-progress-p
      (progn (reval--unhook)
             (reval-document-suspend))
    (reval-mode -1)))

(defun reval--reverted ()
  "Go on with `reval-mode' after the buffer was reverted."
  (when-let ((document (reval-document-current)))
    (unless reval-mode
      (reval-mode))
    ;; A revert replaces all between the first and the last difference.
    (when (reval-connection-live-p (reval-document-connection document))
      (reval-eval-restore document))))
;; A revert may set the major mode anew, which removes other local hooks.
(put 'reval--reverted 'permanent-local-hook t)

;;;###autoload
(defun reval-doctor ()
  "Show what of reval is on this machine, and what is missing."
  (interactive)
  (unless (executable-find (car reval-command))
    (user-error "Cannot find the program `%s': install reval, or set `reval-command'"
                (car reval-command)))
  (let ((buffer (get-buffer-create "*reval-doctor*")))
    (with-current-buffer buffer
      (special-mode)
      (let ((inhibit-read-only t)) (erase-buffer)))
    (make-process :name "reval-doctor"
                  :buffer buffer
                  :command (list (car reval-command) "doctor")
                  :noquery t
                  :sentinel #'ignore
                  :filter (lambda (process text)
                            (when (buffer-live-p (process-buffer process))
                              (with-current-buffer (process-buffer process)
                                (let ((inhibit-read-only t))
                                  (goto-char (point-max))
                                  (insert text))))))
    (display-buffer buffer)))

(provide 'reval)
;;; reval.el ends here
