package record

import "slices"

// displays are the outputs of a rendering that may be updated, by display_id.
type displays map[string][]*block

// add notes an output that has a display_id.
func (d displays) add(b *block) {
	if b.display != "" {
		d[b.display] = append(d[b.display], b)
	}
}

// remove has no update reach outputs that are dropped.
func (d displays) remove(dropped []*block) {
	for _, b := range dropped {
		if b.display == "" {
			continue
		}
		rest := slices.DeleteFunc(d[b.display], func(shown *block) bool { return shown == b })
		if len(rest) == 0 {
			delete(d, b.display)
		} else {
			d[b.display] = rest
		}
	}
}

// update replaces every output with a display_id.
func (d displays) update(display string, o Output) {
	for _, b := range d[display] {
		o.Index = b.Index
		b.Output, b.dirty = o, true
	}
}
