;;; reval-connection.el --- The process that serves reval  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The reval authors
;; SPDX-License-Identifier: BSD-3-Clause

;;; Commentary:

;; One `reval lsp' process and the JSON-RPC connection to it.
;;
;; There is one process for each project root.  A kernel gets the
;; environment and the directory of the editor, and in Emacs these may
;; differ from project to project (`process-environment' and `exec-path'
;; are buffer-local with direnv and the like): the process inherits them
;; from the buffer that first needed it.  All buffers of the project share it.
;;
;; What must stay true here:
;;
;; - Nothing waits inside a process filter.  Handlers of notifications
;;   only change state and text; whoever asks the user does it in a timer.
;; - Every wait has a deadline.  `jsonrpc-request' is not used: it leaves
;;   the filter by a throw, and the messages behind the reply then lie until
;;   the server happens to write again.
;; - A wait ends when what it waits for is there: see `reval-connection-wait'.
;; - The end of a process is told once, with the tail of its stderr: by who waits
;;   for it, or by reval-reconnect.el, which starts another where there is
;;   something to go on with.

;;; Code:

(require 'cl-lib)
(require 'jsonrpc)
(require 'project)
(require 'subr-x)
(require 'url-util)

(defcustom reval-command '("reval" "lsp")
  "The program that serves reval, and its arguments.
Kernels go on when Emacs is closed, and a file that is opened again
finds its results: see `reval-join'.  With the further argument
\"--standalone\" they end with Emacs."
  :type '(repeat string)
  :risky t
  :group 'reval)

(defcustom reval-history-exclude nil
  "Folders of whose sessions nothing is kept in reval's history.
They hold for folders in them; \"*\" is all.  It is read when a
server starts."
  :type '(repeat string)
  :group 'reval)

(defcustom reval-kernel-directory 'project
  "Where kernels run that are started here.
`project': in the project's folder, or the file's where there is none;
`file': in the file's; a string: there, seen from the project's folder.
It is read when a server starts."
  :type '(choice (const :tag "The project's folder" project)
                 (const :tag "The file's folder" file)
                 directory)
  :risky t
  :group 'reval)

(defcustom reval-start-timeout 10
  "Seconds to wait for the server to answer after its start."
  :type 'number
  :group 'reval)

(defcustom reval-log-size 0
  "Size, in characters, of the buffer that logs the messages to the server.
0 keeps no log, nil sets no limit.  It is read when a server starts."
  :type '(choice (const :tag "No log" 0) (const :tag "No limit" nil) integer)
  :group 'reval)

(defclass reval-connection (jsonrpc-process-connection)
  ((root :initarg :root :reader reval-connection-root
         :documentation "The project's folder.")
   (encoding :initform 'utf-16 :accessor reval-connection-encoding
             :documentation "Unit of characters in positions: `utf-32' or `utf-16'.")
   (triggers :initform nil :accessor reval-connection-triggers
             :documentation "Characters after which completion is asked for.")
   (ready :initform nil :accessor reval-connection-ready
          :documentation "Non-nil once the server answered initialize.")
   (standalone :initform nil :accessor reval-connection-standalone
               :documentation "Non-nil where kernels end with the server.")
   (pending :initform nil :accessor reval-connection-pending
            :documentation "Functions to call when the server is ready, last first.")
   (failure :initform nil :accessor reval-connection-failure
            :documentation "Why the server did not start, a string.")
   (stopping :initform nil :accessor reval-connection-stopping
             :documentation "Non-nil when the end of the process is wanted.")
   (started :initform (float-time) :reader reval-connection-started
            :documentation "`float-time' of its start.")
   (former :initarg :former :initform nil :reader reval-connection-former
           :documentation "The evaluations that the server before this one told.")
   (series :initform nil :accessor reval-connection-series
           :documentation "What `reval-reconnect' knows of deaths before it.")
   (last-id :initform nil :accessor reval-connection-last-id
            :documentation "Id of the last request that was sent.")
   (documents :initform (make-hash-table :test #'equal)
              :reader reval-connection-documents
              :documentation "URI, as of `reval-uri-key' → document.")
   (sessions :initform (make-hash-table :test #'equal)
             :reader reval-connection-sessions
             :documentation "Id → session.")
   (evaluations :initform (make-hash-table :test #'equal)
                :reader reval-connection-evaluations
                :documentation "Id → evaluation."))
  :documentation "The connection to one `reval lsp' process.")

(defvar reval-connection--all nil
  "Alist of project root → its last connection, which may have ended.")

(defvar reval-connection-closed-functions nil
  "Functions called with a connection whose process ended.")

;;; Messages from the server

(cl-defgeneric reval-handle-notification (connection method params)
  "Handle the notification METHOD, a symbol, with PARAMS from CONNECTION."
  (ignore connection method params))

(cl-defmethod reval-handle-notification (_connection (_method (eql 'window/showMessage)) params)
  "Show what the server wants to say, taken from PARAMS."
  (message "reval: %s" (plist-get params :message)))

(defun reval-connection--handle-request (_connection method _params)
  "Answer the request METHOD of the server."
  (pcase method
    ((or 'client/registerCapability 'client/unregisterCapability
         'window/workDoneProgress/create)
     nil)
    ('workspace/configuration [])
    (_ (jsonrpc-error :code -32601 :message (format "Emacs does not know %s" method)))))

;;; Life of a connection

(defun reval-connection-project-root ()
  "Return the folder that the current buffer's kernel is to run in.
For a buffer of another host that is its user's home on this one."
  (expand-file-name
   (if (file-remote-p default-directory)
       "~/"
     (if-let ((project (and buffer-file-name (project-current))))
         ;; `project-root' is a generic of Emacs 28, its methods may be newer.
         (project-root project)
       default-directory))))

(defun reval-connection-last (root)
  "Return the last connection of ROOT, which may have ended, or nil."
  (cdr (assoc root reval-connection--all)))

(defun reval-connection--told (connection)
  "Return the evaluations that CONNECTION, or one before it, told last."
  (when connection
    (let ((evaluations (reval-connection-evaluations connection)))
      (if (zerop (hash-table-count evaluations))
          (reval-connection-former connection)
        evaluations))))

(defun reval-connection-ensure (root)
  "Return the live connection of ROOT, starting a server where there is none.
The server may not be ready yet: see `reval-connection-await'."
  (let ((connection (reval-connection-last root)))
    (if (and connection (jsonrpc-running-p connection))
        connection
      (reval-connection--start root))))

(defun reval-connection--start (root)
  "Start a server for ROOT and return the connection to it."
  (unless (executable-find (car reval-command))
    (user-error "Cannot find the program `%s': install reval, or set `reval-command'"
                (car reval-command)))
  ;; The default of Emacs 30.  Before, each 4 KB of a picture are drawn for.
  (setq read-process-output-max (max read-process-output-max 65536))
  (let* ((default-directory (file-name-as-directory root))
         ;; jsonrpc finds the stderr buffer by this name, and hides it.
         (name (generate-new-buffer-name
                (format "reval %s" (file-name-nondirectory (directory-file-name root)))))
         (connection
          (make-instance
           'reval-connection
           :name name
           :root root
           :former (reval-connection--told (reval-connection-last root))
           :process (lambda ()
                      ;; Else Emacs reads up to 20 ms late, to read more at once.
                      (let ((process-adaptive-read-buffering nil))
                        (make-process :name name
                                      :command reval-command
                                      :connection-type 'pipe
                                      :coding 'utf-8-emacs-unix
                                      :noquery t
                                      :stderr (get-buffer-create
                                               (format "*%s stderr*" name)))))
           :notification-dispatcher #'reval-handle-notification
           :request-dispatcher #'reval-connection--handle-request
           :on-shutdown #'reval-connection--closed)))
    (reval-connection--limit-log connection)
    (setf (alist-get root reval-connection--all nil nil #'equal) connection)
    ;; A program that ends at once may be gone already: who waits for it tells.
    (ignore-errors
      (jsonrpc-async-request
       connection :initialize (reval-connection--initialize-params root)
       :timeout nil
       :success-fn (lambda (result) (reval-connection--initialized connection result))
       :error-fn (lambda (err)
                   (setf (reval-connection-failure connection)
                         (plist-get err :message)))))
    connection))

(defun reval-connection--limit-log (connection &optional size)
  "Keep SIZE characters of CONNECTION's messages, whatever the age of jsonrpc.el.
Without SIZE, that is `reval-log-size'."
  (let ((size (or size reval-log-size)))
    (if (slot-exists-p connection '-events-buffer-config)
        (setf (slot-value connection '-events-buffer-config)
              (list :size size :format 'full))
      (setf (slot-value connection '-events-buffer-scrollback-size) size))))

(defun reval-connection--initialize-params (root)
  "Return the parameters of initialize for the project in ROOT."
  (let ((uri (reval-path-to-uri root)))
    (list
     :processId (emacs-pid)
     :clientInfo (list :name "Emacs" :version emacs-version)
     :rootUri uri
     :initializationOptions (list :kernelDirectory (format "%s" reval-kernel-directory)
                                  :historyExclude (vconcat reval-history-exclude))
     :workspaceFolders
     (vector (list :uri uri
                   :name (file-name-nondirectory (directory-file-name root))))
     :capabilities
     '( :general (:positionEncodings ["utf-32" "utf-16"])
        :workspace (:workspaceFolders t)
        :textDocument
        ( :synchronization (:dynamicRegistration :json-false)
          :completion
          ( :contextSupport t
            :completionItem ( :snippetSupport :json-false
                              :documentationFormat ["plaintext"]
                              :resolveSupport (:properties ["documentation" "detail"])))
          :hover (:contentFormat ["plaintext"])
          :signatureHelp
          (:signatureInformation (:documentationFormat ["plaintext"])))
        :experimental
        ;; Of a larger value the rest is fetched where it is needed.
        (:reval ( :mime ["image/svg+xml" "image/png" "image/jpeg" "image/gif"]
                  :text 20000))))))

(defun reval-connection--initialized (connection result)
  "Take the server's RESULT of initialize and let CONNECTION be used."
  (let ((capabilities (plist-get result :capabilities)))
    (setf (reval-connection-encoding connection)
          (if (equal (plist-get capabilities :positionEncoding) "utf-32") 'utf-32 'utf-16)
          (reval-connection-triggers connection)
          (mapcar #'string-to-char
                  (plist-get (plist-get capabilities :completionProvider) :triggerCharacters))
          (reval-connection-standalone connection)
          (eq t (plist-get (plist-get (plist-get capabilities :experimental) :reval)
                           :standalone))
          (reval-connection-ready connection) t))
  (jsonrpc-notify connection :initialized (make-hash-table))
  (let ((pending (nreverse (reval-connection-pending connection))))
    (setf (reval-connection-pending connection) nil)
    (mapc #'funcall pending)))

(defun reval-connection-when-ready (connection function)
  "Call FUNCTION without arguments as soon as CONNECTION is ready."
  (if (reval-connection-ready connection)
      (funcall function)
    (push function (reval-connection-pending connection))))

(defun reval-connection-live-p (connection)
  "Return non-nil if CONNECTION can be used at once."
  (and connection (reval-connection-ready connection) (jsonrpc-running-p connection)))

(defun reval-connection-await (connection)
  "Wait until CONNECTION is ready."
  (reval-connection-wait
   (lambda () (or (reval-connection-ready connection)
                  (reval-connection-failure connection)
                  (not (jsonrpc-running-p connection))))
   reval-start-timeout
   (jsonrpc--process connection))
  (cond ((not (jsonrpc-running-p connection))
         (user-error "The reval server ended: %s" (reval-connection-death connection)))
        ((reval-connection-failure connection)
         (user-error "The reval server refused to start: %s"
                     (reval-connection-failure connection)))
        ((not (reval-connection-ready connection))
         (user-error "The reval server did not answer in %s s: try %s in a terminal"
                     reval-start-timeout (string-join reval-command " ")))))

(defun reval-connection-stop (connection)
  "End the server of CONNECTION, and its kernels with it."
  (setf (reval-connection-stopping connection) t)
  (when (reval-connection-live-p connection)
    (ignore-errors
      (reval-connection-request connection :shutdown nil :timeout 3)
      (jsonrpc-notify connection :exit nil)
      (reval-connection-wait (lambda () (not (jsonrpc-running-p connection))) 3)))
  (jsonrpc-shutdown connection))

(defun reval-connection-death (connection)
  "Return on one line how the process of CONNECTION ended."
  (let* ((process (jsonrpc--process connection))
         (stderr (jsonrpc-stderr-buffer connection))
         (_ (reval-connection-wait    ; for the last words
             (lambda () (not (and (buffer-live-p stderr) (get-buffer-process stderr))))
             0.5))
         (lines (and (buffer-live-p stderr)
                     (cl-remove-if
                      ;; What Emacs says of the pipe.
                      (lambda (line)
                        (string-match-p "\\`Process .* stderr\\(<[0-9]+>\\)? " line))
                      (split-string (with-current-buffer stderr (buffer-string))
                                    "\n" t "[ \t\r]+"))))
         (tail (or (cl-find-if (lambda (line) (string-match-p "\\`\\(panic\\|fatal error\\): " line))
                               lines)
                   (car (last lines)))))
    (format "%s %s%s"
            (if (eq (process-status process) 'signal) "signal" "exit status")
            (process-exit-status process)
            (if tail
                ;; What it says to editors that do not do that by themselves.
                (concat ", " (string-remove-suffix "; restart the server"
                                                   (string-remove-prefix "reval: " tail)))
              ""))))

(defun reval-connection--closed (connection)
  "Tell that the process of CONNECTION ended."
  (run-hook-with-args 'reval-connection-closed-functions connection))

;;; Requests

(cl-defmethod jsonrpc-connection-send :before
  ((connection reval-connection) &rest args)
  "Note the id of a request that CONNECTION is about to send in ARGS."
  (when (and (plist-get args :method) (plist-get args :id))
    (setf (reval-connection-last-id connection) (plist-get args :id))))

(cl-defun reval-connection-async (connection method params &key success failure secret)
  "Send the request METHOD with PARAMS to CONNECTION and return its id.
SUCCESS is called with the result, FAILURE with one line that says what
went wrong; where it is nil, the line is shown.  With SECRET, PARAMS
hold what no log may show."
  (when secret
    (reval-connection--limit-log connection 0))
  (unwind-protect
      (jsonrpc-async-request
       connection method params
       ;; The server keeps the deadlines; its death ends every request.
       :timeout nil
       :success-fn (or success #'ignore)
       :error-fn (lambda (err)
                   (let ((text (plist-get err :message)))
                     (if failure (funcall failure text) (message "reval: %s" text)))))
    (when secret
      (reval-connection--limit-log connection)))
  (reval-connection-last-id connection))

(cl-defun reval-connection-request (connection method params
                                               &key (timeout 5) interruptible secret)
  "Send the request METHOD with PARAMS to CONNECTION and return its result.
An error of the server is a `user-error', as is no answer in TIMEOUT
seconds.  With INTERRUPTIBLE, nil is returned in these cases and when the
user types something, and the request is cancelled.  With SECRET, PARAMS
hold what no log may show."
  (let* ((state 'waiting)
         result
         (id (reval-connection-async
              connection method params :secret secret
              :success (lambda (value) (setq result value state 'done))
              :failure (lambda (text) (setq result text state 'failed))))
         (answered (lambda () (not (eq state 'waiting))))
         (process (jsonrpc--process connection)))
    (unwind-protect
        (if interruptible
            (while-no-input (reval-connection-wait answered timeout process))
          (reval-connection-wait answered timeout process))
      (when (and (eq state 'waiting) (jsonrpc-running-p connection))
        (jsonrpc-notify connection :$/cancelRequest (list :id id))))
    (pcase state
      ('done result)
      ((guard interruptible) nil)
      ('failed (user-error "%s" result))
      (_ (user-error "The reval server did not answer %s in %s s" method timeout)))))

(defun reval-connection-wait (predicate timeout &optional process)
  "Wait for PREDICATE to be true, at most TIMEOUT seconds.
What processes write is handled meanwhile.  Return what PREDICATE returned
last.  PROCESS is the one whose output makes it true: Emacs then waits no
longer than that has been read."
  (let ((start (float-time))
        (waited 0)
        value)
    (while (and (not (setq value (funcall predicate)))
                (< waited timeout))
      ;; Without a process, Emacs goes on to read for 10 ms after output, unless it
      ;; was to wait for less; and some versions of jsonrpc.el hand on what came in
      ;; a timer.  So it waits for a little at a time, and for a tenth of what has
      ;; passed when that is more.
      (accept-process-output (and (process-live-p process) process)
                             (max 0.001 (min 0.05 (/ waited 10))))
      (setq waited (- (float-time) start)))
    value))

(defun reval-connection-command-params (command argument)
  "Return the parameters of workspace/executeCommand for COMMAND with ARGUMENT."
  (list :command command :arguments (vector argument)))

;;; URIs

(defconst reval-connection--uri-chars
  (let ((chars (copy-sequence url-path-allowed-chars)))
    (aset chars ?% nil)
    chars)
  "Table of the characters of a path that stand for themselves in a URI.")

(defun reval-path-to-uri (path)
  "Return the file URI of PATH."
  (let ((path (expand-file-name path)))
    (concat "file://"
            (unless (string-prefix-p "/" path) "/") ; a drive letter
            (url-hexify-string path reval-connection--uri-chars))))

(defun reval-uri-to-path (uri)
  "Return the path that URI names, or nil if it is not a file's."
  (when (string-prefix-p "file://" uri)
    (let ((path (reval-uri-key (substring uri (length "file://")))))
      (if (string-match-p "\\`/[[:alpha:]]:" path) (substring path 1) path))))

(defun reval-uri-key (uri)
  "Return URI in a form in which equal ones are equal strings.
Programs differ in what they escape."
  (if (string-search "%" uri)
      (decode-coding-string (url-unhex-string uri) 'utf-8)
    uri))

(provide 'reval-connection)
;;; reval-connection.el ends here
