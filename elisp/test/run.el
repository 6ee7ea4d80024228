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

(let* ((folder (file-name-directory (or load-file-name buffer-file-name)))
       (selector (read (or (getenv "REVAL_TEST_SELECTOR") "t")))
       (log (getenv "REVAL_TEST_LOG"))
       (load-prefer-newer t))
  (add-to-list 'load-path (expand-file-name ".." folder))
  (load (expand-file-name "reval-test.el" folder) nil t)
  (when (getenv "REVAL_BIN")
    (load (expand-file-name "reval-end-to-end-test.el" folder) nil t)
    (load (expand-file-name "reval-elsewhere-test.el" folder) nil t))
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
