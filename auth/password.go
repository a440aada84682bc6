package auth

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
)

// The length of a password in code points. There is no other rule of composition.
const (
	minPassword = 8
	maxPassword = 256
)

// minOwnPassword is how many characters of a password must be left when the user's own words
// are taken out of it.
const minOwnPassword = 6

// commonPasswords holds those of the 30,000 commonest passwords of past leaks that are long
// enough to be taken otherwise.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	list := frequency.FrequencyLists["passwords"]
	common := make(map[string]bool, len(list))
	for _, password := range list {
		if len(password) >= minPassword {
			common[password] = true
		}
	}
	return common
})

// checkPassword refuses a new password that is easy to guess for whoever knows the words:
// the user's own email address, user name and names.
func checkPassword(field, password string, words ...string) error {
	if err := checkText(field, password, maxPassword); err != nil {
		return err
	}
	if utf8.RuneCountInString(password) < minPassword {
		return badInput(field, fmt.Sprintf("must be at least %d characters long", minPassword))
	}
	folded := fold(password)
	if commonPasswords()[password] || commonPasswords()[folded] {
		return badInput(field, "must not be one of the commonest passwords")
	}
	if first, _ := utf8.DecodeRuneInString(folded); strings.Trim(folded, string(first)) == "" {
		return badInput(field, "must not repeat one character")
	}
	rest := folded
	for _, word := range ownWords(words) {
		rest = strings.ReplaceAll(rest, word, "")
	}
	if rest != folded && utf8.RuneCountInString(rest) < minOwnPassword {
		return badInput(field, "must not be made of your own email address, user name or name")
	}
	return nil
}

// ownWords returns the folded words of a user and of this product that are long enough to
// matter, whole before parts.
func ownWords(words []string) []string {
	var whole, parts []string
	for _, word := range append(words, "authgraph") {
		word = fold(word)
		whole = append(whole, word)
		parts = append(parts, strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune("@.-_ ", r) })...)
	}
	var own []string
	for _, word := range append(whole, parts...) {
		if utf8.RuneCountInString(word) >= 3 {
			own = append(own, word)
		}
	}
	return own
}
