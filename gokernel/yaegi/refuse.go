package yaegi

import (
	"go/ast"
	"go/types"

	"github.com/reval-editor/reval/gokernel/front"
)

// Refuse implements front.Engine.
func (e *Engine) Refuse(f *ast.File, info *types.Info) []front.Refusal { return nil }
