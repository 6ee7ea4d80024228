;;; run.el --- Run the tests of the Emacs package  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; Everything that needs no display:
;;
;;     REVAL_BIN=bin/reval emacs -Q --batch -l elisp/test/run.el
;;
;; Everything, with pictures, prompts and windows in a real frame; what would be
;; said on stderr, and the results, go to the file that REVAL_TEST_LOG names:
;;
;;     REVAL_BIN=bin/reval REVAL_TEST_LOG=log xvfb-run -a emacs -Q -l elisp/test/run.el
;;
;; REVAL_BIN is the program; without it only the tests that need no server run.
;; REVAL_TEST_SELECTOR is an ERT selector.  The kernels are those that the
;; environment finds: the tests of Python need ipykernel and matplotlib in the
;; python of PATH or VIRTUAL_ENV, and those of kernels elsewhere what
;; editors/elsewhere_test.go starts.  The exit status is 0 if all is as expected.

;;; Code:

(require 'ert)

(defconst reval-test-most-failures 5
  "Failures after which the rest is not run: each may wait for half a minute.")

(defun reval-test-give-up (stats &rest _)
  "End Emacs if STATS has too many failures."
  (when (>= (ert-stats-completed-unexpected stats) reval-test-most-failures)
    (let ((text (format "\nGave up after %d failures of %d tests: %s\n"
                        reval-test-most-failures (ert-stats-completed stats)
                        (mapconcat (lambda (test)
                                     (symbol-name (ert-test-name test)))
                                   (seq-remove (lambda (test)
                                                 (let ((result (ert-test-most-recent-result test)))
                                                   (or (null result)
                                                       (ert-test-result-expected-p test result))))
                                               (ert--stats-tests stats))
                                   ", "))))
      (message "%s" text)
      (when (getenv "REVAL_TEST_LOG")
        (with-current-buffer (messages-buffer)
          (write-region (point-min) (point-max) (getenv "REVAL_TEST_LOG") nil 'silent)))
      (kill-emacs 1))))

(let* ((folder (file-name-directory (or load-file-name buffer-file-name)))
       (selector (read (or (getenv "REVAL_TEST_SELECTOR") "t")))
       (log (getenv "REVAL_TEST_LOG"))
       (load-prefer-newer t))
  (add-to-list 'load-path (expand-file-name ".." folder))
  (load (expand-file-name "reval-test.el" folder) nil t)
  (load (expand-file-name "reval-expression-test.el" folder) nil t)
  (when (getenv "REVAL_BIN")
    (load (expand-file-name "reval-end-to-end-test.el" folder) nil t)
    (load (expand-file-name "reval-buffers-test.el" folder) nil t)
    (load (expand-file-name "reval-elsewhere-test.el" folder) nil t)
    (when (locate-library "eglot")
      (load (expand-file-name "reval-eglot-test.el" folder) nil t)))
  (advice-add 'ert-run-or-rerun-test :after #'reval-test-give-up)
  (if noninteractive
      (ert-run-tests-batch-and-exit selector)
    (setq message-log-max t)
    (run-with-timer
     0 nil
     (lambda ()
       (let* ((status 2)
              (print-length nil)
              (stats (unwind-protect
                         (ert-run-tests-batch selector)
                       nil)))
         (setq status (if (zerop (ert-stats-completed-unexpected stats)) 0 1))
         (when log
           (with-current-buffer (messages-buffer)
             (write-region (point-min) (point-max) log nil 'silent)))
         (kill-emacs status))))))

;;; run.el ends here
