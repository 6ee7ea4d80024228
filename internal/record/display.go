package record

import "slices"

// Displays are the outputs of a session's evaluations that may be updated, by display_id.
type Displays map[string][]*block

// add notes an output that has a display_id.
func (d Displays) add(b *block) {
	if b.display != "" {
		d[b.display] = append(d[b.display], b)
	}
}

// remove has no update reach outputs that are dropped.
func (d Displays) remove(dropped []*block) {
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

// Update replaces every output with a display_id, in all evaluations, and gives the
// renderings that they are in.
func (d Displays) Update(display string, o Output) (changed []*Rendering) {
	for _, b := range d[display] {
		o.Index = b.Index
		b.Output, b.dirty = o, true
		changed = append(changed, b.in)
	}
	return changed
}
