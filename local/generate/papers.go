package main

import (
	"fmt"
	"strings"
)

// residentID generates an 18-character citizen number (GB 11643-1999) with a birth date before
// 1900, so that no living person has it.
func residentID(region string, year, month, day, serial int) string {
	body := fmt.Sprintf("%s%04d%02d%02d%03d", region, year, month, day, serial)
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += int(body[i]-'0') * w
	}
	return body + string("10X98765432"[sum%11])
}

// creditAlphabet is the alphabet of GB 32100-2015: no I, O, S, V, Z.
const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// creditCode generates a unified social credit code: class "1" for enterprises, "2" for individual
// businesses. The eight characters of the organisation begin with DEM, which marks the code as
// invented.
func creditCode(class, region string, serial int) string {
	org := fmt.Sprintf("DEM%05d", serial)
	body := "9" + class + region + org + organisationCheck(org)
	weights := [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}
	sum := 0
	for i, w := range weights {
		sum += strings.IndexByte(creditAlphabet, body[i]) * w
	}
	return body + string(creditAlphabet[(31-sum%31)%31])
}

// organisationCheck returns the check character of an organisation code (GB 11714-1997).
func organisationCheck(org string) string {
	weights := [8]int{3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		v := int(org[i] - '0')
		if org[i] >= 'A' {
			v = int(org[i]-'A') + 10
		}
		sum += v * w
	}
	switch r := 11 - sum%11; r {
	case 10:
		return "X"
	case 11:
		return "0"
	default:
		return fmt.Sprint(r)
	}
}

// newBankAccount generates a 19-digit number with a valid Luhn check digit, in the range of test
// cards.
func newBankAccount(serial int) string {
	body := fmt.Sprintf("621626%012d", serial)
	sum := 0
	for i := range body {
		d := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return fmt.Sprintf("%s%d", body, (10-sum%10)%10)
}
