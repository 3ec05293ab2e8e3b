// Package nationalid validates the numbers that the state gives to people and organisations: the
// citizen number (GB 11643-1999) and the unified social credit code (GB 32100-2015). Only the
// digits 0 to 9 are accepted, no full-width ones.
package nationalid

import (
	"errors"
	"strings"
	"time"

	"fenzhang/shared/civil"
)

// The reasons why a number is refused; each text continues a sentence that begins with a field
// name.
var (
	ErrLength       = errors.New("must have 18 characters")
	ErrCharacter    = errors.New("has a character that such numbers do not have")
	ErrRegion       = errors.New("begins with a region that does not exist")
	ErrBirth        = errors.New("has a birth date that does not exist or lies ahead")
	ErrCheck        = errors.New("has a wrong check character")
	ErrOrganisation = errors.New("has an organisation code with a wrong check character")
	ErrClass        = errors.New("begins with a class of organisation that does not exist")
)

// length is the number of characters of both kinds of numbers.
const length = 18

// Citizen is a validated citizen number with the facts that it encodes.
type Citizen struct {
	Number string
	Region string // six digits of the region of birth; codes of abolished counties stay valid
	Birth  civil.Date
	Male   bool
}

// ParseCitizen validates a citizen number of 18 characters. Blanks around it are dropped, and a
// small x is read as X. Only the province of the region is checked, because numbers keep the codes
// of abolished counties. A birth date after today is refused.
//
// Errors: ErrLength, ErrCharacter, ErrRegion, ErrBirth, ErrCheck.
//
// Source: GB 11643-1999; provinces of GB/T 2260, with 81 to 83 of the residence permits of people
// from Hong Kong, Macau and Taiwan.
func ParseCitizen(s string, today civil.Date) (Citizen, error) {
	s = strings.ToUpper(strings.Trim(s, " "))
	if len([]rune(s)) != length {
		return Citizen{}, ErrLength
	}
	for i, c := range s {
		if (c < '0' || c > '9') && (c != 'X' || i != length-1) {
			return Citizen{}, ErrCharacter
		}
	}
	if !strings.Contains(provinces, " "+s[:2]+" ") {
		return Citizen{}, ErrRegion
	}
	birth, ok := parseBirthDate(s[6:14])
	if !ok || birth.After(today) {
		return Citizen{}, ErrBirth
	}
	if s[length-1] != citizenCheckDigit(s) {
		return Citizen{}, ErrCheck
	}
	return Citizen{Number: s, Region: s[:6], Birth: birth, Male: (s[16]-'0')%2 == 1}, nil
}

// parseBirthDate reads a date written as YYYYMMDD. civil.ParseDate refuses dates before 1900, which
// are valid birth dates.
func parseBirthDate(s string) (civil.Date, bool) {
	t, err := time.ParseInLocation("20060102", s, civil.Shanghai)
	return civil.DateOf(t), err == nil && t.Year() >= 1800
}

// provinces lists the first two digits of all regions.
const provinces = " 11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 " +
	"54 61 62 63 64 65 71 81 82 83 "

// citizenCheckDigit computes the last character of a citizen number (ISO 7064, MOD 11-2).
func citizenCheckDigit(s string) byte {
	weights := [length - 1]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += w * int(s[i]-'0')
	}
	return "10X98765432"[sum%11]
}

// creditAlphabet lists the characters of a credit code by their value; I, O, S, V and Z are not
// used.
const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// ParseCreditCode validates a unified social credit code and returns it in capitals.
//
// Errors: ErrLength, ErrCharacter, ErrClass, ErrOrganisation, ErrCheck.
//
// Source: GB 32100-2015; characters 9 to 17 are an organisation code with its own check character
// (GB 11714-1997).
func ParseCreditCode(s string) (string, error) {
	s = strings.ToUpper(strings.Trim(s, " "))
	if len([]rune(s)) != length {
		return "", ErrLength
	}
	for _, c := range s {
		if !strings.ContainsRune(creditAlphabet, c) {
			return "", ErrCharacter
		}
	}
	switch {
	case !strings.Contains(" 11 12 13 19 51 52 53 59 91 92 93 N1 N2 N3 N9 Y1 ", " "+s[:2]+" "):
		return "", ErrClass
	case s[16] != organisationCheckCharacter(s[8:16]):
		return "", ErrOrganisation
	case s[17] != creditCheckCharacter(s):
		return "", ErrCheck
	}
	return s, nil
}

// IsIndividualBusiness reports whether a valid credit code belongs to an individual business
// (个体工商户).
func IsIndividualBusiness(code string) bool { return strings.HasPrefix(code, "92") }

// organisationCheckCharacter computes the last character of an organisation code from its first
// eight (GB 11714-1997); letters count from A = 10.
func organisationCheckCharacter(s string) byte {
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		if c := s[i]; c <= '9' {
			sum += w * int(c-'0')
		} else {
			sum += w * int(c-'A'+10)
		}
	}
	return "0123456789X"[(11-sum%11)%11]
}

// creditCheckCharacter computes the last character of a credit code; the weights are the powers of
// 3 modulo 31 (GB 32100-2015).
func creditCheckCharacter(s string) byte {
	sum, weight := 0, 1
	for i := range length - 1 {
		sum += strings.IndexByte(creditAlphabet, s[i]) * weight
		weight = weight * 3 % 31
	}
	return creditAlphabet[(31-sum%31)%31]
}
