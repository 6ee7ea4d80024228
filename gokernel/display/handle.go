package display

// Handle is what was shown, and can be shown anew.
type Handle struct{ update func(Bundle) }

// NewHandle makes a handle; update is called with each new bundle.
func NewHandle(update func(Bundle)) *Handle { return &Handle{update} }

// Update shows another value in the same place. It panics if the value's own methods
// do, or give what cannot be encoded.
func (h *Handle) Update(v any) {
	b, err := Of(v)
	if err != nil {
		panic(err)
	}
	h.update(b)
}
