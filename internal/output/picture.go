package output

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Bounds of a picture that a client shows by itself: its bytes, the pixels of all its
// frames, and how often a JPEG goes over them.
const (
	maxPictureBytes = 4 << 20
	maxPixels       = 16 << 20
	maxFramePixels  = 4 * maxPixels
	maxScans        = 64
)

// pictureSigns are the bytes that pictures of the known types begin with.
var pictureSigns = map[string]func(data []byte) bool{
	"image/png":  begins("\x89PNG\r\n\x1a\n"),
	"image/jpeg": begins("\xff\xd8\xff"),
	"image/gif":  begins("GIF8"),
	"image/webp": func(data []byte) bool {
		return begins("RIFF")(data) && len(data) > 12 && string(data[8:12]) == "WEBP"
	},
}

func begins(sign string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(sign)) }
}

// isPicture says whether bytes are what their type says, if that is known.
func isPicture(kind string, data []byte) bool {
	sign := pictureSigns[kind]
	return sign == nil || sign(data)
}

// Heavy says in words why a picture is not to be shown before its user asks for it:
// drawing it takes very long, or looks at other files. It is empty for one that can be
// shown by itself. The value is as Choose gives it. Nothing is drawn to find out.
func Heavy(mime, value string) string {
	kind := essence(mime)
	if !strings.HasPrefix(kind, "image/") {
		return ""
	}
	if kind == svgType {
		if len(value) > maxPictureBytes {
			return megabytes(len(value))
		}
		return heavySVG(value)
	}
	if size := base64.StdEncoding.DecodedLen(len(value)); size > maxPictureBytes {
		return megabytes(size)
	}
	data, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "it is damaged"
	}
	return readRaster(kind, data).heavy()
}

func megabytes(n int) string { return fmt.Sprintf("%d MB", n>>20) }

// readRaster reads a picture's headers; those of a type that is not known are 1×1.
func readRaster(kind string, data []byte) raster {
	switch kind {
	case "image/png":
		return readPNG(data)
	case "image/jpeg":
		return readJPEG(data)
	case "image/gif":
		return readGIF(data)
	case "image/webp":
		return readWebP(data)
	}
	return raster{1, 1, 1, 1}
}

// heavy is Heavy of a picture that is no SVG.
func (r raster) heavy() string {
	switch {
	case r.width <= 0 || r.height <= 0:
		return "it is damaged"
	case r.width > maxPixels || r.height > maxPixels || r.width*r.height > maxPixels:
		return fmt.Sprintf("%d×%d", r.width, r.height)
	case r.width*r.height*r.frames > maxFramePixels:
		return fmt.Sprintf("%d frames of %d×%d", r.frames, r.width, r.height)
	case r.scans > maxScans:
		return fmt.Sprintf("%d scans", r.scans)
	}
	return ""
}

// raster is what a picture's headers say: its size in pixels, how many frames it has,
// and how often a decoder goes over them. A picture that cannot be read has no width.
type raster struct {
	width, height, frames, scans int
}

// readPNG reads the header chunk, which is the first (PNG, section 11.2.2). Decoders
// that are not told to animate show one frame.
func readPNG(data []byte) raster {
	if len(data) < 24 || string(data[12:16]) != "IHDR" {
		return raster{}
	}
	return raster{int(binary.BigEndian.Uint32(data[16:])), int(binary.BigEndian.Uint32(data[20:])), 1, 1}
}

// readJPEG reads the markers up to the frame header (T.81, annex B). The scans are at
// most as many as their markers' bytes.
func readJPEG(data []byte) raster {
	r := raster{frames: 1, scans: bytes.Count(data, []byte{0xff, 0xda})}
	for at := 2; at+9 < len(data); {
		marker := data[at+1]
		switch {
		case data[at] != 0xff:
			return raster{}
		case marker == 0xff:
			at++
			continue
		case marker >= 0xc0 && marker <= 0xcf && !slices.Contains([]byte{0xc4, 0xc8, 0xcc}, marker):
			r.height, r.width = int(binary.BigEndian.Uint16(data[at+5:])), int(binary.BigEndian.Uint16(data[at+7:]))
			return r
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // without a length
			at += 2
			continue
		}
		at += 2 + int(binary.BigEndian.Uint16(data[at+2:]))
	}
	return raster{}
}

// readGIF reads the screen's size and goes from block to block (GIF89a, section 17
// on). A frame may be larger than the screen, so the largest of both counts.
func readGIF(data []byte) raster {
	if len(data) < 13 {
		return raster{}
	}
	little := func(at int) int { return int(binary.LittleEndian.Uint16(data[at:])) }
	colors := func(flags byte) int {
		if flags&0x80 == 0 {
			return 0
		}
		return 3 << (flags&7 + 1)
	}
	r := raster{width: little(6), height: little(8), scans: 1}
	at := 13 + colors(data[10])
	for at < len(data) {
		switch data[at] {
		case 0x21: // an extension
			at += 2
		case 0x2c: // a frame
			if at+10 > len(data) {
				return r
			}
			r.frames++
			r.width, r.height = max(r.width, little(at+5)), max(r.height, little(at+7))
			at += 11 + colors(data[at+9])
		default: // the end, or nonsense at which a decoder ends
			return r
		}
		for at < len(data) && data[at] != 0 {
			at += 1 + int(data[at])
		}
		at++
	}
	return r
}

// readWebP reads the first chunk (RFC 9649). An extended file's frames are counted by
// their chunks.
func readWebP(data []byte) raster {
	if len(data) < 30 {
		return raster{}
	}
	r := raster{frames: max(1, bytes.Count(data, []byte("ANMF"))), scans: 1}
	switch string(data[12:16]) {
	case "VP8X":
		r.width = 1 + int(binary.LittleEndian.Uint32(data[24:])&0xffffff)
		r.height = 1 + int(binary.LittleEndian.Uint32(data[26:])>>8)
	case "VP8L":
		bits := binary.LittleEndian.Uint32(data[21:])
		r.width, r.height = 1+int(bits&0x3fff), 1+int(bits>>14&0x3fff)
	case "VP8 ":
		r.width, r.height = int(binary.LittleEndian.Uint16(data[26:])&0x3fff), int(binary.LittleEndian.Uint16(data[28:])&0x3fff)
	}
	return r
}
