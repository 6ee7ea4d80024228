package lsp

import "slices"

// maxKept bounds what is remembered of outputs that came, of all evaluations of a
// connection, if Options say nothing else, in bytes.
const maxKept = 256 << 20

// keeping counts the outputs of evaluations that have ended; Server.mu guards it.
type keeping struct {
	results []*result // those with outputs of some size, in order of their ends
	bytes   int
}

// keep counts what an evaluation brought that has ended, and drops the outputs of those
// that ended first if it is too much; mu is held.
func (s *Server) keep(r *result) {
	r.kept = r.outputs.Large()
	if r.kept == 0 {
		return
	}
	k := &s.keeping
	k.results = append(k.results, r)
	k.bytes += r.kept
	most := s.options.Keep
	if most == 0 {
		most = maxKept
	}
	for k.bytes > most && len(k.results) > 1 {
		s.drop(k.results[0])
	}
}

// drop forgets the large outputs of an evaluation, which the client has been sent, and
// says so where they were; mu is held.
func (s *Server) drop(r *result) {
	if r.kept == 0 {
		return
	}
	s.keeping.results = slices.DeleteFunc(s.keeping.results, func(o *result) bool { return o == r })
	s.keeping.bytes -= r.kept
	r.kept = 0
	r.summed = r.summary()
	r.outputs.Drop()
}
