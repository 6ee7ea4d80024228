package lsp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
)

// inspection is what a kernel tells of a name: fields where it writes them, as IPython does,
// else text alone.
type inspection struct {
	text   string
	fields []inspectionField
}

// inspectionField is a line "Type: int" of an inspection, or several.
type inspectionField struct{ title, text string }

var (
	// fieldLine begins a field, as IPython and those that are made with it have them.
	fieldLine = regexp.MustCompile(`^(Signature|Init signature|Call signature|Type|String form|Namespace|Length|File|Docstring|Class docstring|Init docstring|Call docstring|Source|Subclasses):[ \t]*(.*)$`)
	// partLine begins a part of what IRkernel tells.
	partLine = regexp.MustCompile(`^# (Class attribute|Printed form|Help document):[ \t]*()$`)
	// unknown is IRkernel's text for a name that has no documentation, or is none.
	unknown = regexp.MustCompile(`(?s)^(?:# Help document:\s*)?No documentation for ‘[^’]*’ in specified packages and libraries:\s*you could try ‘[^’]*’\s*$`)
)

// readInspection reads a kernel's answer; ok is false if there is nothing to tell.
func (ks *kernelSession) readInspection(reply jupyter.InspectReplyContent) (i inspection, ok bool) {
	if !reply.Found {
		return i, false
	}
	text, _ := output.Plain(ks.inBuffers(output.PlainText(reply.Data)))
	i = parseInspection(text)
	return i, strings.TrimSpace(i.text) != ""
}

func parseInspection(text string) (i inspection) {
	if unknown.MatchString(strings.TrimSpace(text)) {
		return i
	}
	i.text = text
	begin := fieldLine
	if strings.HasPrefix(text, "# ") {
		begin = partLine
	}
	column := 0 // where the texts of fields begin; 0 as long as that is not known
	for line := range strings.SplitSeq(text, "\n") {
		// A title stands once and has its text where the others have it: what else looks like one
		// is part of a value.
		m := begin.FindStringSubmatch(line)
		if m != nil && m[2] != "" && column == 0 {
			column = len(line) - len(m[2])
		}
		if m != nil && !i.has(m[1]) && (m[2] == "" || len(line)-len(m[2]) == column) {
			i.fields = append(i.fields, inspectionField{m[1], m[2]})
			continue
		}
		if len(i.fields) == 0 {
			return i // another form
		}
		last := &i.fields[len(i.fields)-1]
		last.text += "\n" + line
	}
	for n := range i.fields {
		i.fields[n].text = strings.Trim(i.fields[n].text, "\n")
	}
	return i
}

func (i inspection) has(title string) bool {
	return slices.ContainsFunc(i.fields, func(f inspectionField) bool { return f.title == title })
}

// field gives a field's text; "" if there is none.
func (i inspection) field(title string) string {
	for _, f := range i.fields {
		if f.title == title {
			return f.text
		}
	}
	return ""
}

// maxValueLines bounds a value in a hover.
const maxValueLines = 20

// headed puts the name, its type, its size and its value into the first lines of an
// inspection, which are all that some editors show: "x: int = 41". What has no value stays as
// it is. size is "" if it is not known.
func (i inspection) headed(name, size string) string {
	typ, value, documentation := i.field("Type"), i.field("String form"), ""
	if i.has("Class attribute") {
		typ, value = rClasses(i.field("Class attribute")), i.field("Printed form")
	}
	if name == "" || typ == "" || value == "" {
		return i.text
	}
	head := name + ": " + typ
	if size != "" {
		head += " (" + size + ")"
	}
	if lines := strings.Split(value, "\n"); len(lines) > 1 {
		if len(lines) > maxValueLines {
			lines = append(lines[:maxValueLines:maxValueLines], "…")
		}
		head += "\n" + strings.Join(lines, "\n")
	} else {
		head += " = " + value
	}
	for _, f := range i.fields {
		switch f.title {
		case "Type", "String form", "Class attribute", "Printed form", "Help document":
			// A value of R's is told of with the documentation of any function of its name.
		default:
			sep := ": "
			if strings.Contains(f.text, "\n") {
				sep = ":\n"
			}
			documentation += "\n" + f.title + sep + f.text
		}
	}
	return head + documentation
}

// rClass is a class in what R prints of a value's.
var rClass = regexp.MustCompile(`"([^"]*)"`)

func rClasses(text string) string {
	var all []string
	for _, m := range rClass.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return strings.Join(all, ", ")
}

var (
	printedRows  = regexp.MustCompile(`(?m)^\s*\[(\d+) rows x (\d+) columns\]\s*$`)
	printedShape = regexp.MustCompile(`^\s*shape: \(([\d, ]+)\)`)
)

// shape gives the size of a table or an array where its text has it; else what to ask for it
// and how: an expression behind the name, of what the library has and no user's class.
func (i inspection) shape() (size, ask string) {
	value, file := i.field("String form"), i.field("File")
	switch {
	case printedShape.MatchString(value):
		return times(printedShape.FindStringSubmatch(value)[1]), ""
	case printedRows.MatchString(value):
		m := printedRows.FindStringSubmatch(value)
		return m[1] + " × " + m[2], ""
	}
	switch i.field("Type") {
	case "DataFrame":
		if strings.Contains(file, "pandas") {
			return "", ".dtypes.values.size"
		}
	case "ndarray":
		if strings.Contains(file, "numpy") {
			return "", ".shape"
		}
	case "Tensor":
		if strings.Contains(file, "torch") {
			return "", ".shape"
		}
	}
	if strings.Contains(value, "\n") {
		return i.field("Length"), ""
	}
	return "", ""
}

// sized reads the answer to what shape asked.
func (i inspection) sized(answer inspection) string {
	value := answer.field("String form")
	switch answer.field("Type") {
	case "int":
		return fmt.Sprintf("%s × %s", i.field("Length"), value)
	case "tuple", "Size":
		return times(strings.Trim(strings.TrimPrefix(value, "torch.Size("), "()[] "))
	}
	return i.field("Length")
}

// times writes "3, 4" as "3 × 4".
func times(numbers string) string {
	return strings.Join(strings.FieldsFunc(numbers, func(r rune) bool { return r == ',' || r == ' ' }), " × ")
}
