package workspace

import (
	"runtime"
	"strings"

	"go.lsp.dev/uri"
)

// FilePath is the path of a file URI; empty for any other.
func FilePath(u uri.URI) string {
	if !strings.HasPrefix(string(u), "file:") {
		return ""
	}
	platform := uri.PlatformPOSIX
	if runtime.GOOS == "windows" {
		platform = uri.PlatformWindows
	}
	return uri.FsPathFor(u, platform, true)
}
