package output

import (
	"encoding/base64"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const svgType = "image/svg+xml"

// What drawing takes, in µs, measured with librsvg at 800×600 pixels: an element, what
// has it drawn apart and laid over the rest, and a path's segments, which are compared
// with each other, for the square of its length in bytes.
const (
	costOfElement = 60
	costOfUse     = 40
	costOfText    = 60
	costOfLetter  = 5
	costOfLayer   = 600
	costOfMask    = 4000
	costOfPath    = 2.3e-4
	costOfPixel   = 0.02
	maxSVGCost    = 400_000
	maxSVGDepth   = 200
	minDash       = 0.1 // the least that dashes and gaps are long together
)

// svgElement is one element with what it has drawn elsewhere.
type svgElement struct {
	name     string
	cost     float64
	children []*svgElement
	refs     []svgRef
	// several says that it is no element, but those with one id.
	several  bool
	counting bool
	counted  bool
	total    float64
}

type svgRef struct {
	id    string
	times float64
}

// notDrawn are elements that are drawn where another refers to them.
var notDrawn = []string{
	"defs", "symbol", "clipPath", "mask", "pattern", "marker", "linearGradient", "radialGradient", "style", "title", "desc", "metadata",
}

var (
	svgURL = regexp.MustCompile(`(?i)url\(\s*['"]?\s*([^)'"\s]*)`)
	// styled is what a style sheet does only where it may take long or look elsewhere.
	styled = regexp.MustCompile(`(?i)url\(|@import|\\|filter|mask|dasharray|clip-path|marker`)
)

// svg is a picture that is being looked through.
type svg struct {
	ids   map[string]*svgElement
	sheet strings.Builder // all style sheets, which may mean any element
	layer float64         // what they add to each element
	why   string          // it is heavy whatever its elements are
}

// heavySVG is Heavy of an SVG: it adds up what drawing would take, along all that its
// elements refer to, which can be exponentially more than the file's elements.
func heavySVG(source string) string {
	s := svg{ids: map[string]*svgElement{}}
	root := s.parse(source)
	if sheet := s.sheet.String(); styled.MatchString(sheet) {
		s.why = "its style sheet may take long"
	} else if strings.Contains(strings.ToLower(sheet), "opacity") {
		s.layer = costOfLayer
	}
	if s.why != "" {
		return s.why
	}
	if root == nil || len(root.children) != 1 || root.children[0].name != "svg" {
		return "it is damaged"
	}
	if total := s.total(root); s.why == "" && total > maxSVGCost {
		return "drawing it takes long"
	}
	return s.why
}

func (s *svg) parse(source string) *svgElement {
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict = false
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	root := &svgElement{}
	open := []*svgElement{root}
	for s.why == "" {
		token, err := d.RawToken()
		if err == io.EOF {
			return root
		}
		if err != nil {
			return nil
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &svgElement{name: t.Name.Local, cost: costOfElement}
			top.children = append(top.children, e)
			open = append(open, e)
			if len(open) > maxSVGDepth {
				s.why = "its groups are nested very deeply"
			}
			s.element(e, t.Attr)
		case xml.EndElement:
			if len(open) > 1 {
				open = open[:len(open)-1]
			}
		case xml.CharData:
			if top.name == "style" {
				s.sheet.Write(t)
			}
			if isText(top.name) {
				top.cost += costOfLetter * float64(len(t))
			}
		case xml.ProcInst:
			if t.Target != "xml" {
				s.why = "it refers to other files"
			}
		case xml.Directive:
			if strings.Contains(string(t), "ENTITY") {
				s.why = "it has entities"
			}
		}
	}
	return nil
}

func isText(name string) bool { return name == "text" || name == "tspan" || name == "textPath" }

func (s *svg) element(e *svgElement, attrs []xml.Attr) {
	switch {
	case e.name == "use":
		e.cost += costOfUse
	case isText(e.name):
		e.cost += costOfText
	case e.name == "filter":
		s.why = "it has filters"
	case e.name == "include": // XInclude
		s.why = "it refers to other files"
	}
	points := 0
	for _, a := range attrs {
		if name := a.Name.Local; name == "d" || name == "points" {
			points = max(points, len(a.Value))
		}
	}
	e.cost += costOfPath * float64(points) * float64(points)
	for _, a := range attrs {
		switch name := a.Name.Local; name {
		case "id":
			s.named(e, a.Value)
		case "href":
			s.href(e, strings.TrimSpace(a.Value))
		case "style":
			if strings.Contains(a.Value, "/*") || strings.Contains(a.Value, `\`) {
				s.why = "its style may take long"
			}
			for declaration := range strings.SplitSeq(a.Value, ";") {
				property, value, _ := strings.Cut(declaration, ":")
				s.property(e, strings.ToLower(strings.TrimSpace(property)), value, points)
			}
		default:
			s.property(e, name, a.Value, points)
		}
	}
}

// named gives an element an id. Where several have it, all count: programs do not agree
// on which is meant.
func (s *svg) named(e *svgElement, id string) {
	if other := s.ids[id]; other == nil {
		s.ids[id] = e
	} else {
		s.ids[id] = &svgElement{several: true, children: []*svgElement{other, e}}
	}
}

// href looks at what an element is a use of.
func (s *svg) href(e *svgElement, to string) {
	id, local := strings.CutPrefix(to, "#")
	switch {
	case e.name == "a":
	case local:
		e.refs = append(e.refs, svgRef{id, 1})
	case e.name == "image" && strings.HasPrefix(to, "data:"):
		s.embedded(e, to)
	default:
		s.why = "it refers to other files"
	}
}

// embedded looks at a picture within the picture.
func (s *svg) embedded(e *svgElement, to string) {
	head, encoded, _ := strings.Cut(strings.TrimPrefix(to, "data:"), ",")
	kind := essence(head)
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil || !strings.Contains(head, "base64") || pictureSigns[kind] == nil || !isPicture(kind, data) {
		s.why = "it holds something that is no picture"
		return
	}
	r := readRaster(kind, data)
	e.cost += costOfPixel * float64(r.width) * float64(r.height) * float64(r.frames)
	if why := r.heavy(); why != "" {
		s.why = why
	}
}

// property looks at a presentation attribute, or at a declaration of a style attribute.
func (s *svg) property(e *svgElement, name, value string, points int) {
	value = strings.TrimSpace(value)
	if value == "" || value == "none" {
		return
	}
	switch name {
	case "filter":
		s.why = "it has filters"
	case "opacity", "clip-path", "mix-blend-mode":
		e.cost += costOfLayer
	case "mask":
		e.cost += costOfMask
	case "stroke-dasharray":
		s.dashes(value)
	}
	for _, m := range svgURL.FindAllStringSubmatch(value, -1) {
		id, local := strings.CutPrefix(m[1], "#")
		if !local {
			s.why = "it refers to other files"
			return
		}
		times := 1.0
		if strings.HasPrefix(name, "marker") {
			times += float64(points) / 2 // one at each point
		}
		e.refs = append(e.refs, svgRef{id, times})
	}
}

func (s *svg) dashes(value string) {
	sum := 0.0
	for word := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		n, err := strconv.ParseFloat(strings.TrimRight(word, "abcdefghijklmnopqrstuvwxyz%"), 64)
		if err == nil {
			sum += n
		}
	}
	if sum > 0 && sum < minDash || sum == 0 && strings.ContainsAny(value, "123456789") {
		s.why = "its lines have very many dashes"
	}
}

// total is what drawing an element takes, with what it refers to. What refers to
// itself is told as heavy: programs do not agree on when they stop.
func (s *svg) total(e *svgElement) float64 {
	if e.counting {
		s.why = "it refers to itself"
	}
	if e.counted || e.counting {
		return e.total
	}
	e.counting = true
	sum := e.cost + s.layer
	for _, c := range e.children {
		if e.several || !slices.Contains(notDrawn, c.name) {
			sum += s.total(c)
		}
	}
	for _, r := range e.refs {
		if target := s.ids[r.id]; target != nil {
			sum += r.times * s.total(target)
		}
	}
	e.counting, e.counted, e.total = false, true, sum
	return sum
}
