package tenancy

import "strings"

// maskLimit is the greatest number of stars in a mask, so that a long name does not show its
// length.
const maskLimit = 16

// MaskNumber keeps the first and the last character of an ID number or credit code.
func MaskNumber(s string) string { return maskMiddle(s, 1, 1) }

// MaskPhone keeps the first three and the last four digits.
func MaskPhone(s string) string { return maskMiddle(s, 3, 4) }

// MaskAccount keeps the last four characters of a payout account.
func MaskAccount(s string) string { return maskMiddle(s, 0, 4) }

// MaskName keeps the first character of a name.
func MaskName(s string) string { return maskMiddle(s, 1, 0) }

// maskMiddle keeps the given numbers of first and last characters and puts stars between them. A
// text too short to hide anything becomes stars only.
func maskMiddle(s string, first, last int) string {
	runes := []rune(s)
	hidden := len(runes) - first - last
	if hidden <= 0 {
		return strings.Repeat("*", len(runes))
	}
	return string(runes[:first]) + strings.Repeat("*", min(hidden, maskLimit)) +
		string(runes[len(runes)-last:])
}
