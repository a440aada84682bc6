// Package playground serves a GraphiQL page for trying the API in a browser, embedded
// in the binary: it loads nothing from any other server and works without a network.
//
// The page sends its operations to /graphql of the same origin, with the cookies of
// that origin, and opens on the examples in src/operations, which can be run one after
// the other from the first to the last. A subscription shows each of its events, by
// server-sent events, until it is stopped or the server says why it ends.
//
// The source is in src and index.html; dist is what Vite makes of it, every file as its
// gzip, and is committed so that building the binary needs Go alone. After a change:
//
//	cd playground
//	npm ci
//	npm run build
//	npm run check   # fails unless dist is what the source builds to
package playground

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed all:dist
var dist embed.FS

// contentSecurityPolicy lets the page run its own scripts and workers and talk to its
// own server, and nothing else.
var contentSecurityPolicy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self' 'unsafe-inline'", // Monaco writes style elements and attributes
	"font-src 'self'",
	"img-src 'self' data:", // Monaco's style sheet has its squiggles as data: images
	"connect-src 'self'",
	"worker-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
}, "; ")

// contentTypes are fixed here because mime.TypeByExtension answers from files of the
// machine it runs on. A file whose extension is missing stops Handler.
var contentTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml; charset=utf-8",
	".ttf":  "font/ttf",
	".txt":  "text/plain; charset=utf-8",
}

// hashedName matches the names into which Vite writes a hash of the content: what is
// under such a name never changes.
var hashedName = regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.[a-z]+$`)

// Handler serves the page at / and its files at /assets/. Any other path is 404, and
// any method but GET and HEAD is 405. Every answer carries the headers that confine
// the page; files go out as they are stored, gzipped, to clients that accept that.
func Handler() http.Handler {
	files, err := load()
	if err != nil {
		panic(fmt.Sprintf("playground: the embedded files are damaged: %v", err))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		file, found := files[r.URL.Path]
		switch {
		case !found:
			http.NotFound(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		default:
			file.serve(w, r)
		}
	})
}

func setSecurityHeaders(header http.Header) {
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
}

// file is one file of the page.
type file struct {
	content      func() content
	contentType  string
	cacheControl string
}

// content is what a file holds. It is read when it is first asked for: most servers never show the
// page, whose two megabytes would be a tenth of their memory.
type content struct {
	gzipped []byte
	hash    string // of the gzipped bytes, in hex
}

func read(name string) content {
	gzipped, err := dist.ReadFile(name)
	if err != nil {
		panic(err) // it stands in the program
	}
	hash := sha256.Sum256(gzipped)
	return content{gzipped, hex.EncodeToString(hash[:16])}
}

// load returns the embedded files by the path of the URL that serves them.
func load() (map[string]file, error) {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		urlPath := strings.TrimSuffix(strings.TrimPrefix(name, "dist"), ".gz")
		contentType, known := contentTypes[path.Ext(urlPath)]
		if !known {
			return fmt.Errorf("%s has no content type", name)
		}
		cacheControl := "no-cache"
		if hashedName.MatchString(urlPath) {
			cacheControl = "public, max-age=31536000, immutable"
		}
		if urlPath == "/index.html" {
			urlPath = "/"
		}
		files[urlPath] = file{sync.OnceValue(func() content { return read(name) }), contentType, cacheControl}
		return nil
	})
	return files, err
}

// serve writes the file in the encoding that the client accepts, or 304 when the client
// has it already. The two encodings are different bytes and so have different ETags.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	content, header := f.content(), w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Cache-Control", f.cacheControl)
	header.Set("Vary", "Accept-Encoding")
	if acceptsGzip(r.Header) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(content.gzipped))) // ServeContent leaves it out for encoded content
		header.Set("ETag", `"`+content.hash+`-gzip"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content.gzipped))
		return
	}
	plain, err := gunzip(content.gzipped)
	if err != nil {
		http.Error(w, "the embedded file is damaged", http.StatusInternalServerError)
		return
	}
	header.Set("ETag", `"`+content.hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(plain))
}

func gunzip(gzipped []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// acceptsGzip reports whether Accept-Encoding allows gzip: by name, or by * when it is
// not named, with a weight above zero.
func acceptsGzip(header http.Header) bool {
	accepted := false
	for _, element := range strings.Split(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(element, ";")
		weight, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q=")
		positive := !found
		if found {
			q, err := strconv.ParseFloat(weight, 64)
			positive = err == nil && q > 0
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return positive
		case "*":
			accepted = positive
		}
	}
	return accepted
}
