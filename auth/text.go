package auth

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// This file says what text may come in and when two identifiers are the same. The rules:
//
//   - No text holds control characters, NUL among them, or broken UTF-8. (U+FFFD is what
//     decoders write in the place of broken bytes, so it counts as broken.)
//   - Every text has a greatest length, in code points.
//   - Identifiers are kept as typed. Two are the same when their folded forms are: Unicode
//     NFKC, then full case folding. Folding is done here and not in the database, because
//     each database folds differently.
//   - User names hold no @, and email addresses do, so that neither can pass for the other.

const (
	maxEmail      = 254 // RFC 5321, section 4.5.3.1, less the angle brackets
	maxEmailLocal = 64  // RFC 5321, section 4.5.3.1.1
	maxUsername   = 64
	maxName       = 100
)

// checkText refuses text that is broken or longer than limit code points.
func checkText(field, text string, limit int) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return badInput(field, "must be valid UTF-8")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return badInput(field, "must not contain control characters")
	}
	if utf8.RuneCountInString(text) > limit {
		return badInput(field, fmt.Sprintf("must be at most %d characters long", limit))
	}
	return nil
}

// fold returns what two texts have in common that differ only in letter case, width and
// other forms of the same characters.
func fold(text string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text)))
}

// foldEmail checks an email address and returns its folded form.
func foldEmail(field, email string) (string, error) {
	if err := checkText(field, email, maxEmail); err != nil {
		return "", err
	}
	folded := fold(email)
	address, err := mail.ParseAddress(folded)
	if err != nil || address.Address != folded || address.Name != "" || strings.ContainsFunc(email, unicode.IsSpace) {
		return "", badInput(field, "must be an email address")
	}
	at := strings.LastIndexByte(folded, '@')
	local, domain := folded[:at], folded[at+1:]
	if len(local) > maxEmailLocal || strings.ContainsRune(local, '@') || strings.ContainsAny(domain, "[]") {
		return "", badInput(field, "must be an email address")
	}
	domain, err = idna.Lookup.ToASCII(domain) // so that a domain and its Punycode are the same
	if err != nil || domain == "" || len(local)+1+len(domain) > maxEmail {
		return "", badInput(field, "must be an email address")
	}
	return local + "@" + domain, nil
}

var username = regexp.MustCompile(`^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}._-]*[\p{L}\p{M}\p{N}])?$`)

// foldUsername checks a user name and returns its folded form.
func foldUsername(field, name string) (string, error) {
	if err := checkText(field, name, maxUsername); err != nil {
		return "", err
	}
	folded := fold(name)
	if !username.MatchString(name) || !username.MatchString(folded) {
		return "", badInput(field, "must be letters, digits, dots, underscores and hyphens, "+
			"and begin and end with a letter or a digit")
	}
	return folded, nil
}

// foldName checks a person's first or last name and returns its folded form.
func foldName(field, name string) (string, error) {
	if err := checkText(field, name, maxName); err != nil {
		return "", err
	}
	return fold(name), nil
}

// isEmail reports whether an identifier can only be an email address. The full-width @
// counts, since it folds to the plain one.
func isEmail(identifier string) bool { return strings.Contains(norm.NFKC.String(identifier), "@") }
