package memdb

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// The SDK's types of attribute values, under names short enough for the many type switches.
type (
	avS    = types.AttributeValueMemberS
	avN    = types.AttributeValueMemberN
	avB    = types.AttributeValueMemberB
	avBOOL = types.AttributeValueMemberBOOL
	avNULL = types.AttributeValueMemberNULL
	avM    = types.AttributeValueMemberM
	avL    = types.AttributeValueMemberL
	avSS   = types.AttributeValueMemberSS
	avNS   = types.AttributeValueMemberNS
	avBS   = types.AttributeValueMemberBS
)

// validationError is the service's answer to a request that is wrong in itself, whatever the items
// are.
func validationError(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: fmt.Sprintf(format, args...),
		Fault: smithy.FaultClient}
}

// Limits of the service.
const (
	// maxItem and the constants below are limits of the service, in bytes and in levels of nesting.
	maxItem  = 400 << 10
	maxDepth = 32
	maxPK    = 2048
	maxSK    = 1024
)

// canonicalValue checks an attribute value and returns it with numbers in their canonical form. The
// result may share memory with the caller's value: the engine packs it before the call returns.
func canonicalValue(v types.AttributeValue, depth int) (types.AttributeValue, error) {
	if depth > maxDepth {
		return nil, validationError(
			"Nesting Levels have exceeded supported limits: attributes may be nested up to 32 levels deep")
	}
	switch v := v.(type) {
	case *avS, *avB, *avBOOL, *avNULL:
		return v, nil
	case *avN:
		n, err := canonicalNumber(v.Value)
		if n == v.Value {
			return v, err
		}
		return &avN{Value: n}, err
	case *avM:
		return canonicalMap(v, depth)
	case *avL:
		return canonicalList(v, depth)
	case *avSS, *avNS, *avBS:
		return canonicalSet(v)
	default:
		return nil, validationError(
			"Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
	}
}

// canonicalMap checks the values of a map, which may nest further values.
func canonicalMap(v *avM, depth int) (types.AttributeValue, error) {
	m := make(map[string]types.AttributeValue, len(v.Value))
	for name, e := range v.Value {
		kept, err := canonicalValue(e, depth+1)
		if err != nil {
			return nil, err
		}
		m[name] = kept
	}
	return &avM{Value: m}, nil
}

// canonicalList checks the elements of a list, which may nest further values.
func canonicalList(v *avL, depth int) (types.AttributeValue, error) {
	l := make([]types.AttributeValue, len(v.Value))
	for i, e := range v.Value {
		kept, err := canonicalValue(e, depth+1)
		if err != nil {
			return nil, err
		}
		l[i] = kept
	}
	return &avL{Value: l}, nil
}

// canonicalSet sorts the members of a set, so that two equal sets are stored alike, and refuses
// empty sets and repeated members.
func canonicalSet(v types.AttributeValue) (types.AttributeValue, error) {
	switch v := v.(type) {
	case *avSS:
		set, err := sortedMembers(v.Value)
		return &avSS{Value: set}, err
	case *avNS:
		numbers := make([]string, len(v.Value))
		for i, s := range v.Value {
			n, err := canonicalNumber(s)
			if err != nil {
				return nil, err
			}
			numbers[i] = n
		}
		set, err := sortedMembers(numbers)
		return &avNS{Value: set}, err
	case *avBS:
		texts := make([]string, len(v.Value))
		for i, b := range v.Value {
			texts[i] = string(b)
		}
		set, err := sortedMembers(texts)
		return binarySet(set), err
	}
	return nil, validationError("not a set")
}

// binarySet returns a set of bytes with the given members.
func binarySet(texts []string) *avBS {
	out := &avBS{Value: make([][]byte, len(texts))}
	for i, s := range texts {
		out.Value[i] = []byte(s)
	}
	return out
}

// sortedMembers sorts the members of a set.
//
// Errors: a validation error when there is no member or one occurs twice.
func sortedMembers(members []string) ([]string, error) {
	if len(members) == 0 {
		return nil, validationError(
			"One or more parameter values were invalid: An string set  may not be empty")
	}
	set := slices.Sorted(slices.Values(members))
	if len(slices.Compact(slices.Clone(set))) != len(set) {
		return nil, validationError(
			"One or more parameter values were invalid: Input collection contains duplicates")
	}
	return set, nil
}

const (
	// maxDigits is the largest number of significant digits of a number, and the two exponents bound
	// its magnitude, as in the service.
	maxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// canonicalNumber checks a number and returns it without leading or trailing zeros and without an
// exponent.
func canonicalNumber(s string) (string, error) {
	if isShortInteger(s) {
		return s, nil
	}
	text := strings.TrimSpace(s)
	if text == "" {
		return "", validationError("The parameter cannot be converted to a numeric value: %s", s)
	}
	mantissa, exponent, err := parseDecimal(text)
	if err != nil {
		return "", err
	}
	return formatDecimal(mantissa, exponent)
}

// isShortInteger reports whether s is a whole number in canonical form with at most 18 digits, as
// nearly all stored numbers are; such a number needs no further parsing.
func isShortInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && s != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// parseDecimal reads a number as mantissa and exponent: its value is mantissa * 10^exponent.
func parseDecimal(s string) (*big.Int, int, error) {
	wrong := validationError("The parameter cannot be converted to a numeric value: %s", s)
	// the bounds on exponent and digits keep a short text from becoming a number of any size
	exponent := 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(strings.TrimPrefix(s[i+1:], "+"))
		if err != nil || e > 1000 || e < -1000 {
			return nil, 0, wrong
		}
		s, exponent = s[:i], e
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction
	if strings.ContainsAny(digits, "_xXoObB") || strings.ContainsAny(fraction, "+-") ||
		strings.Trim(digits, "+-") == "" || len(digits) > 1000 {
		return nil, 0, wrong
	}
	mantissa, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, 0, wrong
	}
	return mantissa, exponent - len(fraction), nil
}

// formatDecimal writes mantissa * 10^exponent in canonical form.
//
// Errors: a validation error when the number has too many digits or its magnitude is out of range.
func formatDecimal(mantissa *big.Int, exponent int) (string, error) {
	digits := new(big.Int).Abs(mantissa).String()
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0", nil
	}
	exponent += len(digits) - len(trimmed)
	if len(trimmed) > maxDigits {
		return "", validationError("Attempting to store more than 38 significant digits in a Number")
	}
	switch magnitude := exponent + len(trimmed) - 1; {
	case magnitude > maxExponent:
		return "", validationError(
			"Number overflow. Attempting to store a number with magnitude larger than supported range")
	case magnitude < minExponent:
		return "", validationError(
			"Number underflow. Attempting to store a number with magnitude smaller than supported range")
	}
	sign := ""
	if mantissa.Sign() < 0 {
		sign = "-"
	}
	switch point := len(trimmed) + exponent; {
	case exponent >= 0:
		return sign + trimmed + strings.Repeat("0", exponent), nil
	case point > 0:
		return sign + trimmed[:point] + "." + trimmed[point:], nil
	default:
		return sign + "0." + strings.Repeat("0", -point) + trimmed, nil
	}
}

// addNumbers adds two canonical numbers exactly, or subtracts the second when minus is set.
func addNumbers(a, b string, minus bool) (string, error) {
	// two numbers of at most 18 digits cannot overflow 64 bits
	if isShortInteger(a) && isShortInteger(b) {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		if minus {
			y = -y
		}
		return strconv.FormatInt(x+y, 10), nil
	}
	x, ex, err := parseDecimal(a)
	if err != nil {
		return "", err
	}
	y, ey, err := parseDecimal(b)
	if err != nil {
		return "", err
	}
	if minus {
		y.Neg(y)
	}
	x, y, e := alignExponents(x, ex, y, ey)
	return formatDecimal(x.Add(x, y), e)
}

// alignExponents brings two decimals to the smaller exponent, so that their mantissas can be added
// or compared.
func alignExponents(x *big.Int, ex int, y *big.Int, ey int) (*big.Int, *big.Int, int) {
	e := min(ex, ey)
	scale := func(n *big.Int, by int) *big.Int {
		return n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(by)), nil))
	}
	return scale(x, ex-e), scale(y, ey-e), e
}

// compareNumbers compares two numbers by value, not by their text.
func compareNumbers(a, b string) int {
	if a == b {
		return 0
	}
	if isShortInteger(a) && isShortInteger(b) {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return cmp.Compare(x, y)
	}
	x, ex, errA := parseDecimal(a)
	y, ey, errB := parseDecimal(b)
	if errA != nil || errB != nil {
		// a number of a request that is not valid is compared by its text
		return cmp.Compare(a, b)
	}
	x, y, _ = alignExponents(x, ex, y, ey)
	return x.Cmp(y)
}

// compareValues orders two strings, two numbers or two byte values; ok is false for other types and
// for two different types.
func compareValues(a, b types.AttributeValue) (c int, ok bool) {
	switch a := a.(type) {
	case *avS:
		if b, is := b.(*avS); is {
			return cmp.Compare(a.Value, b.Value), true
		}
	case *avN:
		if b, is := b.(*avN); is {
			return compareNumbers(a.Value, b.Value), true
		}
	case *avB:
		if b, is := b.(*avB); is {
			return bytes.Compare(a.Value, b.Value), true
		}
	}
	return 0, false
}

// equalValues reports whether two attribute values of any type are equal; the order of the members
// of a set does not matter.
func equalValues(a, b types.AttributeValue) bool {
	switch a := a.(type) {
	case *avBOOL:
		b, is := b.(*avBOOL)
		return is && a.Value == b.Value
	case *avNULL:
		_, is := b.(*avNULL)
		return is
	case *avL:
		b, is := b.(*avL)
		return is && slices.EqualFunc(a.Value, b.Value, equalValues)
	case *avM:
		b, is := b.(*avM)
		return is && equalMaps(a.Value, b.Value)
	case *avSS, *avNS, *avBS:
		return typeName(a) == typeName(b) && slices.Equal(setMembers(a), setMembers(b))
	}
	c, ok := compareValues(a, b)
	return ok && c == 0
}

// equalMaps reports whether two maps have the same names with equal values.
func equalMaps(a, b Item) bool {
	if len(a) != len(b) {
		return false
	}
	for name, v := range a {
		if w, ok := b[name]; !ok || !equalValues(v, w) {
			return false
		}
	}
	return true
}

// setMembers returns the members of a set as sorted texts; nil for a value that is no set.
func setMembers(v types.AttributeValue) []string {
	switch v := v.(type) {
	case *avSS:
		return slices.Sorted(slices.Values(v.Value))
	case *avNS:
		return slices.Sorted(slices.Values(v.Value))
	case *avBS:
		var out []string
		for _, b := range v.Value {
			out = append(out, string(b))
		}
		slices.Sort(out)
		return out
	}
	return nil
}

// newSetOfKind returns a set with the given members and of the same kind as v.
func newSetOfKind(v types.AttributeValue, texts []string) types.AttributeValue {
	switch v.(type) {
	case *avSS:
		return &avSS{Value: texts}
	case *avNS:
		return &avNS{Value: texts}
	default:
		return binarySet(texts)
	}
}

// typeName returns the name of a value's type as expressions write it: S, N, BOOL and so on.
func typeName(v types.AttributeValue) string {
	switch v.(type) {
	case *avS:
		return "S"
	case *avN:
		return "N"
	case *avB:
		return "B"
	case *avBOOL:
		return "BOOL"
	case *avNULL:
		return "NULL"
	case *avM:
		return "M"
	case *avL:
		return "L"
	case *avSS:
		return "SS"
	case *avNS:
		return "NS"
	case *avBS:
		return "BS"
	}
	return ""
}

// billedSize returns the size of a value in bytes as the service bills it.
func billedSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *avS:
		return len(v.Value)
	case *avN:
		return billedSizeOfNumber(v.Value)
	case *avB:
		return len(v.Value)
	case *avM:
		n := 3
		for name, e := range v.Value {
			n += len(name) + billedSize(e) + 1
		}
		return n
	case *avL:
		n := 3
		for _, e := range v.Value {
			n += billedSize(e) + 1
		}
		return n
	case *avNS:
		n := 0
		for _, s := range v.Value {
			n += billedSizeOfNumber(s)
		}
		return n
	case *avSS, *avBS:
		n := 0
		for _, s := range setMembers(v) {
			n += len(s)
		}
		return n
	default: // a boolean or null takes one byte
		return 1
	}
}

// billedSizeOfNumber returns the billed size of a number: one byte, one more for each two
// significant digits, and one for a minus sign.
func billedSizeOfNumber(s string) int {
	n := 1
	if strings.HasPrefix(s, "-") {
		n, s = 2, s[1:]
	}
	digits := len(strings.Trim(strings.Replace(s, ".", "", 1), "0"))
	return n + (digits+1)/2
}
