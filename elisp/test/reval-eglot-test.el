;;; reval-eglot-test.el --- Tests beside eglot  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; It is loaded where eglot is found: built in from Emacs 29 on, before where the
;; site's files are read (emacs -q); see run.el.

;;; Code:

(require 'ert)
(require 'eglot)
(require 'reval)

(ert-deftest reval-test-eglot-leaves-eldoc ()
  "ElDoc asks the kernel, too, when eglot is started in the buffer afterwards."
  (reval-test-visiting "beside.py" "x = 42\nx\n"
    (let ((eglot-server-programs (list (cons major-mode (list (getenv "REVAL_BIN") "lsp" "--standalone"))))
          (eglot-sync-connect 10))
      (reval-test-eval-line 1)
      (reval-test-shown 1 "✓")
      (reval-test-kernel-idle)
      (apply #'eglot (eglot--guess-contact))
      (reval-test-wait "eglot" #'eglot-current-server)
      (unwind-protect
          (progn
            (should (memq #'reval-eldoc-function eldoc-documentation-functions))
            (should (memq #'reval-eldoc-signature-function eldoc-documentation-functions))
            (should (memq #'eglot-hover-eldoc-function eldoc-documentation-functions)))
        (eglot-shutdown (eglot-current-server)))
      (should (memq #'reval-eldoc-function eldoc-documentation-functions))
      (reval-mode -1)
      (should-not (memq #'reval-eldoc-function eldoc-documentation-functions)))))

;;; reval-eglot-test.el ends here
