package output

import (
	"encoding/json"
	"testing"
)

const svgStart = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:h="http://www.w3.org/1999/xhtml">`

// An SVG that could run code where a browser opens it is passed over for the next form.
func TestActiveSVG(t *testing.T) {
	for _, active := range []string{
		svgStart + `<script>alert(1)</script></svg>`,
		svgStart + `<h:script src="http://x/"/></svg>`,
		svgStart + `<SCRIPT/></svg>`,
		svgStart + `<g onload="alert(1)"/></svg>`,
		`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`,
		svgStart + `<g ONclick="alert(1)"/></svg>`,
		svgStart + `<h:img src="x" onerror="alert(1)"/></svg>`,
		svgStart + `<h:iframe src="x"/></svg>`,
		svgStart + `<foreignObject><p/></foreignObject></svg>`,
		svgStart + `<a xlink:href="javascript:alert(1)"><text>x</text></a></svg>`,
		svgStart + `<a href=" java&#115;cr&#10;ipt:alert(1)"/></svg>`,
		svgStart + `<animate attributeName="href" values="x;javascript:alert(1)"/></svg>`,
		svgStart + `<set attributeName="onclick" to="alert(1)"/></svg>`,
		svgStart + `<use href="data:image/svg+xml;base64,PHN2Zy8+#x"/></svg>`,
		svgStart + `<a href="data:text/html,x"/></svg>`,
		`<!DOCTYPE svg [<!ENTITY x "<script>alert(1)</script>">]>` + svgStart + `&x;</svg>`,
		`<?xml-stylesheet href="x.xsl"?>` + svgStart + `</svg>`,
		`<?xml version="1.0" encoding="ISO-2022-JP"?>` + svgStart + `</svg>`,
		svgStart + `<![CDATA[ ]]><script/>`,
		svgStart + `<g a="`,
	} {
		data, err := json.Marshal(active)
		if err != nil {
			t.Fatal(err)
		}
		bundle := map[string]json.RawMessage{"image/svg+xml": data, "text/plain": json.RawMessage(`"a drawing"`)}
		if mime, value, ok := Choose(bundle, []string{"image/svg+xml", "image/png"}); mime != "text/plain" || value != "a drawing" || !ok {
			t.Errorf("%s is shown as %s", active, mime)
		}
	}
	for _, picture := range []string{
		svgStart + `<g/></svg>`,
		`<?xml version="1.0" encoding="utf-8" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">` +
			"<!-- javascript: <script> -->" + svgStart + `<style type="text/css">*{stroke-linejoin: round}</style><use xlink:href="#a" x="1"/>` +
			`<image xlink:href="data:image/png;base64,AA=="/><a xlink:href="http://x/"><text>one: &lt;script></text></a><animate attributeName="x" to="1"/></svg>`,
		"\ufeff" + svgStart + `<title>on</title><![CDATA[<script>]]></svg>`,
	} {
		if activeSVG(picture) {
			t.Errorf("a picture is passed over: %s", picture)
		}
	}
}
