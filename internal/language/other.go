package language

// otherMark is a cell mark behind the comment signs that are in use.
var otherMark = cellMark(`(?:#|//|--|;+|%)`)

// otherSyntax has no comments, and lines that stand by themselves.
var otherSyntax = &syntax{}

// Other is a language that is in no table, by the name that an editor gives it: a kernel
// can run it if its kernelspec says the same name, and no other kernel can.
func Other(languageID string) Language {
	l := Language{ID: languageID, Name: languageID, mark: otherMark, syntax: otherSyntax}
	if name := normal(languageID); name != "" {
		l.kernels = []string{name}
	} else {
		l.Name = "a text without a language"
	}
	return l
}
