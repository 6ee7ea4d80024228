package jupyter

// ProtocolVersion is the version that messages made here carry.
const ProtocolVersion = "5.4"

// MsgType is a header's msg_type. Types that are not listed here are legal and
// pass through.
type MsgType string

// Requests and replies of the shell and control channels.
const (
	ExecuteRequest        MsgType = "execute_request"
	ExecuteReply          MsgType = "execute_reply"
	InspectRequest        MsgType = "inspect_request"
	InspectReply          MsgType = "inspect_reply"
	CompleteRequest       MsgType = "complete_request"
	CompleteReply         MsgType = "complete_reply"
	HistoryRequest        MsgType = "history_request"
	HistoryReply          MsgType = "history_reply"
	IsCompleteRequest     MsgType = "is_complete_request"
	IsCompleteReply       MsgType = "is_complete_reply"
	CommInfoRequest       MsgType = "comm_info_request"
	CommInfoReply         MsgType = "comm_info_reply"
	KernelInfoRequest     MsgType = "kernel_info_request"
	KernelInfoReply       MsgType = "kernel_info_reply"
	ShutdownRequest       MsgType = "shutdown_request"
	ShutdownReply         MsgType = "shutdown_reply"
	InterruptRequest      MsgType = "interrupt_request"
	InterruptReply        MsgType = "interrupt_reply"
	DebugRequest          MsgType = "debug_request"
	DebugReply            MsgType = "debug_reply"
	CreateSubshellRequest MsgType = "create_subshell_request"
	CreateSubshellReply   MsgType = "create_subshell_reply"
	DeleteSubshellRequest MsgType = "delete_subshell_request"
	DeleteSubshellReply   MsgType = "delete_subshell_reply"
	ListSubshellRequest   MsgType = "list_subshell_request"
	ListSubshellReply     MsgType = "list_subshell_reply"
	CommOpen              MsgType = "comm_open"
	CommMsg               MsgType = "comm_msg"
	CommClose             MsgType = "comm_close"
	InputRequest          MsgType = "input_request"
	InputReply            MsgType = "input_reply"
	StatusMsg             MsgType = "status"
	StreamMsg             MsgType = "stream"
	DisplayDataMsg        MsgType = "display_data"
	UpdateDisplayDataMsg  MsgType = "update_display_data"
	ExecuteInputMsg       MsgType = "execute_input"
	ExecuteResultMsg      MsgType = "execute_result"
	ErrorMsg              MsgType = "error"
	ClearOutputMsg        MsgType = "clear_output"
	DebugEventMsg         MsgType = "debug_event"
	IOPubWelcomeMsg       MsgType = "iopub_welcome"
)

// Channel names one of the five sockets of a kernel.
type Channel string

// The five channels ("Introduction").
const (
	Shell     Channel = "shell"
	Control   Channel = "control"
	IOPub     Channel = "iopub"
	Stdin     Channel = "stdin"
	Heartbeat Channel = "hb"
)

// Values of execution_state in a status message ("Kernel status").
const (
	StateBusy     = "busy"
	StateIdle     = "idle"
	StateStarting = "starting"
)

// Values of status in a reply ("Request-Reply").
const (
	StatusOK      = "ok"
	StatusError   = "error"
	StatusAborted = "aborted"
)
