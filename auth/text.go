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
//     NFKC, then full case folding; of an email address the part before the @ alone, since
//     domains have rules of their own (IDNA 2008). It is done here and not in the database,
//     because each database folds differently.
//   - Identifiers hold no invisible characters, by which two could look the same.
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
	// Case folding maps Cherokee to upper case; a lower case of it makes fold idempotent.
	return norm.NFKC.String(strings.ToLower(cases.Fold().String(norm.NFKC.String(text))))
}

// foldPrefix is fold for the beginning of an identifier or a name: what follows an @ is a domain.
func foldPrefix(text string) string {
	local, domain, isEmail := strings.Cut(norm.NFKC.String(text), "@")
	if !isEmail {
		return fold(text)
	}
	return fold(local) + "@" + strings.ToLower(domain)
}

// domains says which domains there are and when two are the same (IDNA 2008, UTS 46). It maps
// letter case and width itself; folding before would make two domains one.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true), idna.BidiRule())

// invisible reports whether a character shows as nothing, or turns the text around.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) ||
		unicode.Is(unicode.Variation_Selector, r)
}

// foldEmail checks an email address and returns its folded form.
func foldEmail(field, email string) (string, error) {
	if err := checkText(field, email, maxEmail); err != nil {
		return "", err
	}
	refused := badInput(field, "must be an email address")
	local, domain, _ := strings.Cut(norm.NFKC.String(email), "@")
	local = fold(local)
	ascii, err := domains.ToASCII(domain)
	if err != nil || len(local) > maxEmailLocal || len(local)+1+len(ascii) > maxEmail ||
		strings.ContainsFunc(email, unicode.IsSpace) || strings.ContainsFunc(email, invisible) {
		return "", refused
	}
	address, err := mail.ParseAddress(local + "@" + ascii)
	if err != nil || address.Address != local+"@"+ascii {
		return "", refused
	}
	domain, err = domains.ToUnicode(ascii) // so that a domain and its Punycode are the same
	if err != nil {
		return "", refused
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
	if !username.MatchString(name) || !username.MatchString(folded) || strings.ContainsFunc(name, invisible) {
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
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }) {
		return "", badInput(field, "must not turn the text around it")
	}
	return fold(name), nil
}

// isEmail reports whether an identifier can only be an email address. The full-width @
// counts, since it folds to the plain one.
func isEmail(identifier string) bool { return strings.Contains(norm.NFKC.String(identifier), "@") }
