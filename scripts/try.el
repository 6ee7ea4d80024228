;;; try.el --- `make try' in Emacs  -*- lexical-binding: t; no-byte-compile: t -*-

;;; Commentary:
;; The package of this checkout and nothing of the user's.

;;; Code:

(setq inhibit-startup-screen t
      create-lockfiles nil
      make-backup-files nil
      auto-save-default nil)
(add-to-list 'load-path (expand-file-name "elisp" (getenv "REVAL_TRY_ROOT")))
(require 'reval)
(setq reval-command (append (list (getenv "REVAL_TRY_BIN") "lsp")
                            (split-string (or (getenv "REVAL_TRY_FLAGS") "") " " t)))
(add-hook 'find-file-hook #'reval-mode)

;;; try.el ends here
