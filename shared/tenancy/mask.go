package tenancy

import "strings"

// maskLimit bounds the stars of a mask, so that it does not tell how long a name is.
const maskLimit = 16

// MaskNumber keeps the first and the last character of an identity number or credit code.
func MaskNumber(s string) string { return masked(s, 1, 1) }

// MaskPhone keeps the first three and the last four digits.
func MaskPhone(s string) string { return masked(s, 3, 4) }

// MaskAccount keeps the last four characters of a payout account.
func MaskAccount(s string) string { return masked(s, 0, 4) }

// MaskName keeps the first character of a name.
func MaskName(s string) string { return masked(s, 1, 0) }

// masked keeps the first and last characters and puts stars between; what is too short to hide
// anything behind becomes stars altogether.
func masked(s string, first, last int) string {
	runes := []rune(s)
	hidden := len(runes) - first - last
	if hidden <= 0 {
		return strings.Repeat("*", len(runes))
	}
	return string(runes[:first]) + strings.Repeat("*", min(hidden, maskLimit)) +
		string(runes[len(runes)-last:])
}
