;;; reval-kernel.el --- Choose a kernel, here or elsewhere  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; A kernel is one of this machine's kernelspecs, one that runs and is joined,
;; or one of a Jupyter server.  The token in a server's URL opens everything
;; there: it stands in no message, no history and no log, and is told to the
;; reval server before anything else is done with the URL, which then needs it
;; no more.  So `command-history' does not have it either.

;;; Code:

(require 'reval-session)
(require 'url-util)

(defconst reval-kernel--connection-file "Connection file…"
  "The choice of `reval-select-kernel' that asks for a connection file.")

(defconst reval-kernel--server "Jupyter server or ssh host…"
  "The choice of `reval-select-kernel' that asks for a URL.")

(defvar reval-kernel-history nil
  "Kernels and servers that were chosen, without the servers' tokens.")

(defun reval-select-kernel (kernel)
  "Evaluate this buffer, and those that share its session, with KERNEL.

KERNEL is the name of a kernelspec, to be started; the connection file of
a kernel that runs, or the word newest for the one that was started last;
or the URL of a Jupyter server, as the server prints it,
http://HOST:PORT/?token=T; or a host reached by ssh without a password:
ssh://USER@HOST:PORT.  A kernel that runs is joined: it goes on when Emacs
ends.  Interactively, such a URL leads to a choice among the kernels there,
those that run first.  What follows /api/kernels/ in a server's URL is a
running kernel's id, what follows /api/kernelspecs/, or the / of a host's,
the name of one to be started.

A token is given once in the life of the project's reval server, and kept
in no history.  When the connection to a Jupyter server breaks, that is
told and the mode line shows it; the kernel goes on, and what it printed
arrives when the connection is there again."
  (interactive (list (reval-kernel--read (reval-current-document))))
  (let* ((document (reval-current-document))
         (connection (reval-document-ready document)))
    (setf (reval-document-chosen document) t)
    (reval-command-async
     document "reval.selectKernel" :argument (list :kernel kernel)
     :secret (string-search "://" kernel)
     :then (lambda (state)
             (let ((session (reval-session-take-state connection state)))
               (message "reval: %s evaluates this buffer now"
                        (reval-session-display-name session)))))))

;;; Files on other hosts

(defun reval-kernel-offer-host (document)
  "Where DOCUMENT is a file of another host, offer a kernel of that host.
What can be reached only otherwise than by ssh is left to the user."
  (with-current-buffer (reval-document-buffer document)
    (when (and (file-remote-p default-directory) (not (reval-document-chosen document)))
      (let ((host (reval-kernel--host)))
        (unless (and host (y-or-n-p (format "%s is not on this machine.  Evaluate it on %s? "
                                            (buffer-name) host)))
          (user-error "%s" (substitute-command-keys
                            "\\<reval-mode-map>\\[reval-select-kernel] chooses a kernel \
for a file that is on another machine")))
        (reval-select-kernel host)))))

(defun reval-kernel--host ()
  "Return the URL of the host that the current buffer's folder is on, or nil.
It is nil where ssh does not lead there, or by way of other hosts."
  (let ((part (lambda (which) (file-remote-p default-directory which))))
    (when (and (member (funcall part 'method) '("ssh" "sshx" "scp" "scpx" "rsync"))
               (not (funcall part 'hop)))
      (concat "ssh://"
              (and (funcall part 'user) (concat (funcall part 'user) "@"))
              (string-replace "#" ":" (funcall part 'host))))))

;;; Reading a choice


(defun reval-kernel--read (document)
  "Ask for a kernel for DOCUMENT, suitable ones first."
  (let* ((host (reval-kernel--host))
         (choice (apply #'reval-kernel--choose
                        "Kernel"
                        (reval-command-request document "reval.kernels" :timeout 20)
                        reval-kernel--server reval-kernel--connection-file
                        (and host (list host)))))
    (cond
     ((equal choice reval-kernel--connection-file)
      (expand-file-name (read-file-name "Connection file: " nil nil t)))
     ((equal choice reval-kernel--server)
      (reval-kernel--read-server-kernel
       document
       (reval-kernel--remember
        (let ((history-add-new-input nil))
          (string-trim (read-string "URL (http://host:port/?token=T or ssh://host): " nil
                                    'reval-kernel-history))))))
     ((string-match-p "\\`[a-z]+://" choice)
      (reval-kernel--read-server-kernel document choice))
     ((string-match-p "/\\|\\`~\\|\\.json\\'" choice) (expand-file-name choice))
     (t choice))))

(defun reval-kernel--read-server-kernel (document url)
  "Ask for a kernel for DOCUMENT of the Jupyter server at URL.
Where URL names one already, return it without its token, which the reval
server knows from now on."
  (let ((kernels (reval-kernel--server-kernels document url))
        (plain (reval-kernel--without-token url)))
    (if (string-match-p "/api/kernel\\(?:s\\|specs\\)/.\\|\\`ssh://[^/]+/." plain)
        plain
      (reval-kernel--choose (format "Kernel of %s" plain) kernels))))

(defun reval-kernel--server-kernels (document url)
  "Return the kernels for DOCUMENT of the server at URL.
Ask for the token where URL has none and the server wants one."
  (condition-case err
      (reval-command-request document "reval.kernels" :argument (list :server url)
                             :timeout 20 :secret t)
    (user-error
     (if (or (string-search "token=" url)
             (not (string-search "the server refuses the token" (cadr err))))
         (signal (car err) (cdr err))
       (reval-kernel--server-kernels
        document (concat (reval-kernel--without-token url) "?token="
                         (url-hexify-string
                          (read-passwd (format "Token of %s: " url)))))))))

(defun reval-kernel--without-token (url)
  "Return URL, of a Jupyter server, without its query and its user.
A host's is returned as it is."
  (replace-regexp-in-string "\\`\\(https?://\\)[^/@]*@" "\\1"
                            (replace-regexp-in-string "[?#].*\\'" "" url)))

(defun reval-kernel--remember (choice)
  "Put CHOICE, of a kernel or a server, into the history, and return it."
  (add-to-history 'reval-kernel-history (reval-kernel--without-token choice))
  choice)

(defun reval-kernel--choose (prompt kernels &rest others)
  "Ask with PROMPT for one of KERNELS, plists, or of OTHERS, strings.
Return the kernel's name, or what was chosen or typed instead."
  (let* ((kernels (mapcar (lambda (kernel) (cons (reval-kernel--label kernel) kernel))
                          (sort (append kernels nil)
                                (lambda (a b)
                                  (> (reval-kernel--rank a) (reval-kernel--rank b))))))
         (labels (append (mapcar #'car kernels) others))
         (history-add-new-input nil)    ; what is typed may hold a token
         (choice
          (minibuffer-with-setup-hook
              (lambda ()
                ;; A URL has one; completion's help is on TAB, too.
                (use-local-map (make-composed-keymap
                                (let ((map (make-sparse-keymap)))
                                  (define-key map "?" #'self-insert-command)
                                  map)
                                (current-local-map))))
            (completing-read
             (format-prompt prompt (car labels))
             (lambda (string predicate action)
               (if (eq action 'metadata)
                   `(metadata
                     (category . reval-kernel)
                     (display-sort-function . identity)
                     (cycle-sort-function . identity)
                     (group-function
                      . ,(lambda (label transform)
                           (if transform label
                             (reval-kernel--group (cdr (assoc label kernels))))))
                     (annotation-function
                      . ,(lambda (label)
                           (when-let ((kernel (cdr (assoc label kernels))))
                             (reval-kernel--annotation kernel)))))
                 (complete-with-action action labels string predicate)))
             nil nil nil 'reval-kernel-history (car labels))))
         (kernel (cdr (assoc choice kernels))))
    (cond (kernel (reval-kernel--remember (plist-get kernel :name)))
          ((member choice others) choice)
          (t (reval-kernel--remember (string-trim choice))))))

(defun reval-kernel--label (kernel)
  "Return what KERNEL, a plist, is called in a choice."
  (let ((name (plist-get kernel :name)))
    (if (string-search "/" name)
        (url-unhex-string (file-name-nondirectory name))
      name)))

(defun reval-kernel--annotation (kernel)
  "Return what stands beside the label of KERNEL, a plist, in a choice."
  (let ((name (plist-get kernel :name))
        (source (plist-get kernel :source))
        (running (reval-kernel--true (plist-get kernel :running))))
    (concat "  " (if running "running: " "") (plist-get kernel :displayName)
            ;; A server was named before, a connection file is in the label.
            (if (or running (string-prefix-p source name)) "" (concat " · " source))
            (if (reval-kernel--true (plist-get kernel :selected)) " · selected" ""))))

(defun reval-kernel--group (kernel)
  "Return the heading that KERNEL, a plist or nil, stands under in a choice."
  (cond ((not kernel) "Elsewhere")
        ((reval-kernel--true (plist-get kernel :running)) "Running")
        (t "To be started")))

(defun reval-kernel--rank (kernel)
  "Return a number that is higher the better KERNEL, a plist, fits."
  (+ (if (reval-kernel--true (plist-get kernel :selected)) 2 0)
     (if (reval-kernel--true (plist-get kernel :suitable)) 1 0)))

(defun reval-kernel--true (value)
  "Return non-nil if VALUE, from JSON, is true."
  (eq value t))

(provide 'reval-kernel)
;;; reval-kernel.el ends here
