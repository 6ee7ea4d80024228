package kernelclient

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Wanted says which kernel is to be chosen.
type Wanted struct {
	// Name is a kernelspec's name; empty for the first kernel of the language.
	Name string
	// Language is the language's name as people write it. Without it and without
	// a Name nothing is found.
	Language string
	// Matches tells whether a kernel can run the language, from what its kernelspec
	// calls its own; nil for none.
	Matches func(language string) bool
	// Install is a command that installs a kernel of the language, if one is known.
	Install string
}

// Choose picks the kernelspec that is wanted from those that [Finder.Find] gave.
// The error says in one line which kernels there are, or how one is installed,
// and what findErr, the error of the same Find, has against some of them.
func Choose(specs []Spec, findErr error, w Wanted) (Spec, error) {
	var names []string
	for _, s := range specs {
		if s.Name == w.Name || w.Name == "" && w.Matches != nil && w.Matches(s.Language) {
			if s.Missing != "" {
				return Spec{}, fmt.Errorf("%s%s", s.Missing, others(specs, w))
			}
			return s, nil
		}
		names = append(names, s.Name)
	}
	if w.Name != "" {
		if about := errorsAbout(findErr, w.Name); len(about) > 0 {
			return Spec{}, fmt.Errorf("the kernel %s cannot be used: %w", w.Name, errors.Join(about...))
		}
		return Spec{}, fmt.Errorf("no kernel %q: there %s", withoutSecrets(w.Name), are(names))
	}
	broken := ""
	if findErr != nil {
		broken = "; " + strings.ReplaceAll(findErr.Error(), "\n", "; ")
	}
	if w.Install == "" { // no kernel is known for it
		return Spec{}, fmt.Errorf("no kernel for %s is installed: choose one by its name (`reval kernels` lists those there are)%s", w.Language, broken)
	}
	return Spec{}, fmt.Errorf("no kernel for %s is installed: install one, for example with: %s (`reval kernels` lists those there are)%s", w.Language, w.Install, broken)
}

// specError is what is wrong with the kernelspec of a name.
type specError struct {
	name string
	error
}

func (e specError) Unwrap() error { return e.error }

// errorsAbout picks from the joined errors of [Finder.Find] those about the kernelspec of a
// name.
func errorsAbout(err error, name string) (about []error) {
	switch e := err.(type) {
	case specError:
		if e.name == name {
			about = append(about, e)
		}
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			about = append(about, errorsAbout(err, name)...)
		}
	}
	return about
}

// userinfo is what stands before the host in a URL, be it well formed or not.
var userinfo = regexp.MustCompile(`[^/?#]*@`)

// withoutSecrets is what a user gave for a kernel's name, to be told again: if it is a
// URL with a mistake, its query may be a token, and what stands before the host a password.
func withoutSecrets(name string) string {
	if end := strings.IndexAny(name, "?#"); end >= 0 {
		name = name[:end] + "…"
	}
	return userinfo.ReplaceAllString(name, "…@")
}

// others says which kernels of the language can be chosen instead.
func others(specs []Spec, w Wanted) string {
	var names []string
	for _, s := range specs {
		if s.Missing == "" && w.Matches != nil && w.Matches(s.Language) {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (or choose another kernel: " + strings.Join(names, ", ") + ")"
}

func are(names []string) string {
	switch len(names) {
	case 0:
		return "are none"
	case 1:
		return "is only " + names[0]
	}
	return "are " + strings.Join(names, ", ")
}
