package jupyter

import "encoding/json"

// MIMEBundle maps MIME types to data: a JSON string for text, base64 in a JSON
// string for binary types, and any JSON value for +json types ("display_data").
type MIMEBundle map[string]json.RawMessage

// ExecuteRequestContent is the content of execute_request ("Execute").
type ExecuteRequestContent struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    bool              `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      bool              `json:"allow_stdin"`
	StopOnError     bool              `json:"stop_on_error"`
}

// ExecuteReplyContent is the content of execute_reply ("Execution results").
// Status is ok, error or aborted; the error's fields are set with error only.
type ExecuteReplyContent struct {
	Status          string                     `json:"status"`
	ExecutionCount  int                        `json:"execution_count"`
	UserExpressions map[string]json.RawMessage `json:"user_expressions,omitzero"`
	Payload         []json.RawMessage          `json:"payload,omitzero"`
	*ErrorContent                              // nil unless Status is error
}

// ErrorContent is the content of error, and part of a failed reply ("Execution
// errors"). Traceback has a string a line or a frame, ANSI colours included.
type ErrorContent struct {
	Name      string   `json:"ename"`
	Value     string   `json:"evalue"`
	Traceback []string `json:"traceback"`
}

// Failure gives the error of a reply whose status is error, and a generic one
// where a kernel left it out; e is the reply's ErrorContent.
func (e *ErrorContent) Failure() ErrorContent {
	if e == nil {
		return ErrorContent{Name: "Error", Value: "the kernel reported an error without saying which"}
	}
	return *e
}

// StreamContent is the content of stream; Name is stdout or stderr.
type StreamContent struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// DisplayDataContent is the content of display_data, update_display_data and,
// with ExecutionCount, of execute_result.
type DisplayDataContent struct {
	Data           MIMEBundle                 `json:"data"`
	Metadata       map[string]json.RawMessage `json:"metadata"`
	Transient      DisplayTransient           `json:"transient,omitzero"`
	ExecutionCount int                        `json:"execution_count,omitempty"`
}

// DisplayTransient is what a display carries that is not part of a document:
// an update_display_data replaces every display with its DisplayID.
type DisplayTransient struct {
	DisplayID string `json:"display_id,omitempty"`
}

// ExecuteInputContent is the content of execute_input ("Code inputs").
type ExecuteInputContent struct {
	Code           string `json:"code"`
	ExecutionCount int    `json:"execution_count"`
}

// StatusContent is the content of status ("Kernel status").
type StatusContent struct {
	ExecutionState string `json:"execution_state"`
}

// ClearOutputContent is the content of clear_output. With Wait the output is
// cleared when the next output comes.
type ClearOutputContent struct {
	Wait bool `json:"wait"`
}

// CompleteRequestContent is the content of complete_request ("Completion").
// CursorPos counts code points in Code.
type CompleteRequestContent struct {
	Code      string `json:"code"`
	CursorPos int    `json:"cursor_pos"`
}

// CompleteReplyContent is the content of complete_reply. CursorStart and
// CursorEnd bound the text that a match replaces, in code points of the
// request's code.
type CompleteReplyContent struct {
	Status        string             `json:"status"`
	Matches       []string           `json:"matches"`
	CursorStart   int                `json:"cursor_start"`
	CursorEnd     int                `json:"cursor_end"`
	Metadata      CompletionMetadata `json:"metadata"`
	*ErrorContent                    // nil unless Status is error
}

// CompletionMetadata is what kernels add to completions.
type CompletionMetadata struct {
	Types []CompletionType `json:"_jupyter_types_experimental,omitempty"`
}

// CompletionType describes one match as IPython, and kernels after it, do. Start
// and End are code points of the request's code.
type CompletionType struct {
	Start     int    `json:"start"`
	End       int    `json:"end"`
	Text      string `json:"text"`
	Type      string `json:"type"`
	Signature string `json:"signature"`
	// Import is the path of a package that has to be imported for it, of kernels that tell;
	// empty if none has.
	Import string `json:"import,omitempty"`
}

// InspectRequestContent is the content of inspect_request ("Introspection").
// CursorPos counts code points in Code; DetailLevel is 0, or 1 for the source.
type InspectRequestContent struct {
	Code        string `json:"code"`
	CursorPos   int    `json:"cursor_pos"`
	DetailLevel int    `json:"detail_level"`
}

// InspectReplyContent is the content of inspect_reply.
type InspectReplyContent struct {
	Status        string                     `json:"status"`
	Found         bool                       `json:"found"`
	Data          MIMEBundle                 `json:"data"`
	Metadata      map[string]json.RawMessage `json:"metadata"`
	*ErrorContent                            // nil unless Status is error
}

// IsCompleteRequestContent is the content of is_complete_request.
type IsCompleteRequestContent struct {
	Code string `json:"code"`
}

// IsCompleteReplyContent is the content of is_complete_reply ("Code
// completeness"). Status is complete, incomplete, invalid or unknown.
type IsCompleteReplyContent struct {
	Status string `json:"status"`
	Indent string `json:"indent,omitempty"`
}

// HistoryRequestContent is the content of history_request ("History").
// HistAccessType is range, tail or search.
type HistoryRequestContent struct {
	Output         bool   `json:"output"`
	Raw            bool   `json:"raw"`
	HistAccessType string `json:"hist_access_type"`
	Session        int    `json:"session,omitempty"`
	Start          int    `json:"start,omitempty"`
	Stop           int    `json:"stop,omitempty"`
	N              int    `json:"n,omitempty"`
	Pattern        string `json:"pattern,omitempty"`
	Unique         bool   `json:"unique,omitempty"`
}

// HistoryReplyContent is the content of history_reply: each entry is
// [session, line, input] or, with outputs, [session, line, [input, output]].
type HistoryReplyContent struct {
	Status  string            `json:"status"`
	History []json.RawMessage `json:"history"`
}

// CommInfoRequestContent is the content of comm_info_request.
type CommInfoRequestContent struct {
	TargetName string `json:"target_name,omitempty"`
}

// CommInfoReplyContent is the content of comm_info_reply.
type CommInfoReplyContent struct {
	Status string              `json:"status"`
	Comms  map[string]CommInfo `json:"comms"`
}

// CommInfo names the target of an open comm.
type CommInfo struct {
	TargetName string `json:"target_name"`
}

// CommContent is the content of comm_open, comm_msg and comm_close.
type CommContent struct {
	CommID     string          `json:"comm_id"`
	TargetName string          `json:"target_name,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

// KernelInfoReplyContent is the content of kernel_info_reply ("Kernel info").
type KernelInfoReplyContent struct {
	Status                string       `json:"status"`
	ProtocolVersion       string       `json:"protocol_version"`
	Implementation        string       `json:"implementation"`
	ImplementationVersion string       `json:"implementation_version"`
	LanguageInfo          LanguageInfo `json:"language_info"`
	Banner                string       `json:"banner"`
	Debugger              bool         `json:"debugger,omitempty"`
	SupportedFeatures     []string     `json:"supported_features,omitempty"`
	HelpLinks             []HelpLink   `json:"help_links,omitempty"`
}

// LanguageInfo describes a kernel's language. PygmentsLexer and NBConvertExporter
// are names in those projects; CodemirrorMode is a string or an object.
type LanguageInfo struct {
	Name              string          `json:"name"`
	Version           string          `json:"version"`
	MIMEType          string          `json:"mimetype"`
	FileExtension     string          `json:"file_extension"`
	PygmentsLexer     string          `json:"pygments_lexer,omitempty"`
	CodemirrorMode    json.RawMessage `json:"codemirror_mode,omitempty"`
	NBConvertExporter string          `json:"nbconvert_exporter,omitempty"`
}

// HelpLink is an entry of a kernel's help menu.
type HelpLink struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// ShutdownContent is the content of shutdown_request and shutdown_reply.
type ShutdownContent struct {
	Status  string `json:"status,omitempty"`
	Restart bool   `json:"restart"`
}

// StatusReplyContent is the content of replies that carry nothing but a status,
// such as interrupt_reply.
type StatusReplyContent struct {
	Status        string `json:"status"`
	*ErrorContent        // nil unless Status is error
}

// CreateSubshellReplyContent is the content of create_subshell_reply (JEP 91).
type CreateSubshellReplyContent struct {
	Status     string `json:"status"`
	SubshellID string `json:"subshell_id"`
	*ErrorContent
}

// DeleteSubshellRequestContent is the content of delete_subshell_request (JEP 91).
type DeleteSubshellRequestContent struct {
	SubshellID string `json:"subshell_id"`
}

// ListSubshellReplyContent is the content of list_subshell_reply (JEP 91).
type ListSubshellReplyContent struct {
	Status      string   `json:"status"`
	SubshellIDs []string `json:"subshell_id"`
}

// InputRequestContent is the content of input_request ("stdin").
type InputRequestContent struct {
	Prompt   string `json:"prompt"`
	Password bool   `json:"password"`
}

// InputReplyContent is the content of input_reply.
type InputReplyContent struct {
	Value string `json:"value"`
}

// IOPubWelcomeContent is the content of iopub_welcome (JEP 65).
type IOPubWelcomeContent struct {
	Subscription string `json:"subscription"`
}
