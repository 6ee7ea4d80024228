;;; reval-elsewhere-test.el --- Tests with kernels that Emacs did not start  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; They use the helpers of reval-end-to-end-test.el.  Who starts Emacs for them starts a Jupyter server, REVAL_TEST_SERVER, too; a
;; named pipe, REVAL_TEST_CABLE, that takes "cut" and "join" for the way to it
;; (REVAL_TEST_CABLE.cut is there when the server has noticed the former);
;; a host that ssh reaches, REVAL_TEST_HOST;
;; and a kernel that runs, REVAL_TEST_RUNNING: editors/elsewhere_test.go.

;;; Code:

(require 'ert)
(require 'reval)

(defmacro reval-test-elsewhere (file text &rest body)
  "Run BODY as `reval-test-visiting' does FILE with TEXT, with a server of its own.
The server is asked for everything anew, and its log is kept."
  (declare (indent 2))
  `(let ((reval-test-project
          (file-name-as-directory (make-temp-file (concat reval-test-project "own") t)))
         (reval-log-size 1000000)
         (reval-kernel-history nil)
         (command-history nil))
     (reval-test-visiting ,file ,text
       (unwind-protect
           (progn ,@body)
         (reval-connection-stop (reval-document-connection (reval-document-current)))))))

(defun reval-test-server ()
  "Return the URL of the Jupyter server without its token, and its token."
  (let ((url (getenv "REVAL_TEST_SERVER")))
    (should (string-match "\\`\\(http://[^/]+\\)/\\?token=\\(.+\\)\\'" url))
    (list (match-string 1 url) (match-string 2 url))))

(defun reval-test-chosen (regexp)
  "Wait until the mode line shows a kernel whose name matches REGEXP."
  (reval-test-wait "the chosen kernel"
                   (lambda ()
                     (let ((line (reval-test-mode-line)))
                       (and (stringp line)
                            (string-match-p (concat "\\`reval\\[" regexp) line))))))

(defun reval-test-should-be-secret (token)
  "Fail if TOKEN stands in a buffer, or in a history."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (string-search token (buffer-substring-no-properties (point-min) (point-max)))
        (ert-fail (format "the token is in buffer %s" buffer)))))
  (dolist (history '(command-history reval-kernel-history minibuffer-history
                                     reval-input-history kill-ring extended-command-history))
    (when (string-search token (format "%S" (symbol-value history)))
      (ert-fail (format "the token is in %s" history)))))

(defun reval-test-type-each (&rest answers)
  "Type one of ANSWERS into each minibuffer that opens, as text, and RET.
A function is called in the minibuffer and returns the text."
  (when answers
    (let ((hook (make-symbol "reval-test-type-each")))
      (fset hook
            (lambda ()
              (remove-hook 'minibuffer-setup-hook hook)
              (let ((answer (pop answers)))
                (when answers
                  (add-hook 'minibuffer-setup-hook hook))
                (setq unread-command-events
                      (append (if (functionp answer) (funcall answer) answer) '(?\r))))))
      (add-hook 'minibuffer-setup-hook hook))))

(defun reval-test-offered ()
  "Return what the open minibuffer completes to, with annotations."
  (let ((annotate (completion-metadata-get
                   (completion-metadata "" minibuffer-completion-table nil)
                   'annotation-function)))
    (mapcar (lambda (label) (concat label (funcall annotate label)))
            (all-completions "" minibuffer-completion-table))))

(ert-deftest reval-test-elsewhere-lost-and-back ()
  "That a server is not reached is told, and what was printed arrives afterwards."
  (skip-unless (getenv "REVAL_TEST_SERVER"))
  (let ((mark (make-temp-name (concat reval-test-project "mark"))))
    (reval-test-elsewhere "lost.py"
        (format "x = 41\nx + 1\nimport os, time; print('on', flush=True)
while not os.path.exists(%S): time.sleep(.01)\n\nprint('over')\n" mark)
      (pcase-let ((`(,server ,token) (reval-test-server))
                  (cable (getenv "REVAL_TEST_CABLE")))
        (reval-select-kernel (getenv "REVAL_TEST_SERVER"))
        (reval-test-chosen "Python 3 .* on ")
        (reval-test-eval-line 1)
        (reval-test-eval-line 2)
        (reval-test-shown 2 "\\`⇒ 42\\'")
        ;; The name is short, and no URL.
        (should (string-match-p
                 (format "\\`reval\\[Python 3 (ipykernel) on %s \\(idle\\|running\\)]\\'"
                         (regexp-quote (string-remove-prefix "http://" server)))
                 (reval-test-mode-line)))
        (reval-eval-region (progn (reval-test-goto-line 3) (point)) (point-max))
        (reval-test-wait "the first print"
                         (lambda () (equal (reval-test-output "lost.py:3") "on\n")))
        (write-region "cut\n" nil cable nil 'silent)
        (reval-test-wait "the loss in the mode line"
                         (lambda () (string-match-p " disconnected]" (reval-test-mode-line))))
        (should (eq 'warning (get-text-property (string-search "disconnected" (reval-test-mode-line))
                                                'face (reval-test-mode-line))))
        (should (reval-test-said (format "^reval: the connection to %s is lost, trying again: "
                                         server)))
        (reval-test-wait "the server to notice" (lambda () (file-exists-p (concat cable ".cut"))))
        (write-region "" nil mark nil 'silent)
        (write-region "join\n" nil cable nil 'silent)
        (reval-test-wait "the second print"
                         (lambda () (equal (reval-test-output "lost.py:3") "on\nover\n")))
        (reval-test-shown 6 "✓")
        (reval-test-kernel-idle)
        (should (reval-test-said "^reval: the connection to Python 3 .* is there again$"))
        (should (eq 'success (get-text-property (string-search "idle" (reval-test-mode-line))
                                                'face (reval-test-mode-line))))
        (reval-test-should-be-secret token)))))

(ert-deftest reval-test-elsewhere-typed ()
  "A server's URL leads to its kernels; its token is kept nowhere."
  (skip-unless (and (getenv "REVAL_TEST_SERVER") (not noninteractive)))
  (reval-test-elsewhere "typed.py" "x = 41\nx + 1\n"
    (pcase-let ((`(,server ,token) (reval-test-server))
                (offered nil))
      (reval-test-type-each (getenv "REVAL_TEST_SERVER")
                            (lambda () (setq offered (reval-test-offered)) "python3"))
      (call-interactively #'reval-select-kernel)
      (reval-test-chosen "Python 3 .* on ")
      (should (string-match-p "\\`\\(python3  Python 3 (ipykernel)\\|.*  running: .*\\)\\'"
                              (car offered)))
      (reval-test-eval-line 1)
      (reval-test-eval-line 2)
      (reval-test-shown 2 "\\`⇒ 42\\'")
      ;; Once more, out of the history: the token need not be given again.
      (should (equal reval-kernel-history
                     (list (concat server "/api/kernelspecs/python3") (concat server "/"))))
      ;; Now the kernel runs, and is offered before those that do not.
      (reval-test-type-each (concat server "/")
                            (lambda ()
                              (setq offered (reval-test-offered))
                              (car (all-completions "" minibuffer-completion-table))))
      (call-interactively #'reval-select-kernel)
      (should (cl-find-if (lambda (label)
                            (string-match-p "\\`[-0-9a-f]+  running: python3, idle, active " label))
                          offered))
      (reval-test-should-be-secret token))))

(ert-deftest reval-test-elsewhere-asks-for-the-token ()
  "Where a URL has no token, it is asked for without being shown."
  (skip-unless (and (getenv "REVAL_TEST_SERVER") (not noninteractive)))
  (reval-test-elsewhere "asked.py" "6 * 7\n"
    (pcase-let ((`(,server ,token) (reval-test-server)))
      (reval-test-type-each reval-kernel--server server "wrong")
      (should (string-match-p "the server refuses the token"
                              (error-message-string
                               (should-error (call-interactively #'reval-select-kernel)
                                             :type 'user-error))))
      (reval-test-type-each reval-kernel--server (concat server "/api/kernelspecs/python3") token)
      (call-interactively #'reval-select-kernel)
      (reval-test-chosen "Python 3 .* on ")
      (reval-test-eval-line 1)
      (reval-test-shown 1 "\\`⇒ 42\\'")
      (reval-test-should-be-secret token))))

(ert-deftest reval-test-elsewhere-host ()
  "A kernel is started on a host that ssh reaches, and evaluates."
  (skip-unless (getenv "REVAL_TEST_HOST"))
  (reval-test-elsewhere "host.py" "x = 41\nx + 1\n__import__('os').environ['SSH_CONNECTION']\n"
    (reval-select-kernel (concat (getenv "REVAL_TEST_HOST") "/python3"))
    (reval-test-chosen "Python 3 .* on .*@127\\.0\\.0\\.1")
    (reval-test-eval-line 1)
    (reval-test-eval-line 2)
    (reval-test-shown 2 "\\`⇒ 42\\'")
    ;; What only a kernel there has in its environment.
    (reval-test-eval-line 3)
    (reval-test-shown 3 "\\`⇒ '127\\.0\\.0\\.1 ")))

(ert-deftest reval-test-elsewhere-running ()
  "A kernel that runs is offered, and joined with its namespace; it stays."
  (skip-unless (getenv "REVAL_TEST_RUNNING"))
  (let ((name (file-name-nondirectory (getenv "REVAL_TEST_RUNNING")))
        (annotation nil))
    (reval-test-elsewhere "joined.py" "attached\n"
      (cl-letf (((symbol-function #'completing-read)
                 (lambda (_prompt table &rest _)
                   (should (member name (all-completions "" table)))
                   (let ((metadata (completion-metadata "" table nil)))
                     (setq annotation
                           (funcall (completion-metadata-get metadata 'annotation-function) name))
                     (should (equal "Running"
                                    (funcall (completion-metadata-get metadata 'group-function)
                                             name nil))))
                   name)))
        (call-interactively #'reval-select-kernel))
      (reval-test-chosen (concat "python3 " (substring name 7 15) " "))
      (should (string-match-p "\\`  running: python3, started [-0-9]+ [0-9:]+, process [0-9]+\\'"
                              annotation))
      (reval-test-eval-line 1)
      (reval-test-shown 1 "\\`⇒ 42\\'"))
    ;; The server of that project has ended, the kernel has not.
    (reval-test-elsewhere "again.py" "attached\n"
      (reval-select-kernel (getenv "REVAL_TEST_RUNNING"))
      (reval-test-chosen "python3 ")
      (reval-test-eval-line 1)
      (reval-test-shown 1 "\\`⇒ 42\\'"))))

;;; reval-elsewhere-test.el ends here
