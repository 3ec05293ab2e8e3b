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

// Short names of the SDK's attribute values.
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

// validationError is the service's answer to a request that is wrong in itself.
func validationError(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: fmt.Sprintf(format, args...),
		Fault: smithy.FaultClient}
}

// Limits of the service.
const (
	maxItem  = 400 << 10
	maxDepth = 32
	maxPK    = 2048
	maxSK    = 1024
)

// canonicalValue checks a value and gives it with numbers in their canonical form. It may be the
// caller's own: the engine keeps what it packs of it, and that before the call returns.
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

// canonicalSet sorts a set, so that its order tells nothing of how it came to be, and refuses empty
// sets and repeats.
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

func binarySet(texts []string) *avBS {
	out := &avBS{Value: make([][]byte, len(texts))}
	for i, s := range texts {
		out.Value[i] = []byte(s)
	}
	return out
}

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

// maxDigits and the exponents bound a number.
const (
	maxDigits   = 38
	maxExponent = 125
	minExponent = -130
)

// canonicalNumber checks a number and writes it without leading or trailing zeros and without an
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

// isShortInteger tells whether s is a canonical whole number that is short, as nearly all are.
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

// parseDecimal reads mantissa * 10^exponent.
func parseDecimal(s string) (*big.Int, int, error) {
	wrong := validationError("The parameter cannot be converted to a numeric value: %s", s)
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

// addNumbers adds or subtracts canonical numbers exactly.
func addNumbers(a, b string, minus bool) (string, error) {
	if isShortInteger(a) && isShortInteger(b) { // at most 18 digits each: no overflow
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

func alignExponents(x *big.Int, ex int, y *big.Int, ey int) (*big.Int, *big.Int, int) {
	e := min(ex, ey)
	scale := func(n *big.Int, by int) *big.Int {
		return n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(by)), nil))
	}
	return scale(x, ex-e), scale(y, ey-e), e
}

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
		// values of a request that were not checked are compared as they are written
		return cmp.Compare(a, b)
	}
	x, y, _ = alignExponents(x, ex, y, ey)
	return x.Cmp(y)
}

// compareValues compares two values of one ordered type; ok is false for others.
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

// equalValues compares two values of any type; sets have no order.
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

// setMembers are a set's members as text, in order.
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

// newSetOfKind makes a set of the kind of v from members.
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

// typeName is the type's name in expressions.
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

// billedSize is a value's size in bytes as the service bills it.
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
	default: // BOOL, NULL
		return 1
	}
}

// billedSizeOfNumber is one byte for each two significant digits and one more.
func billedSizeOfNumber(s string) int {
	n := 1
	if strings.HasPrefix(s, "-") {
		n, s = 2, s[1:]
	}
	digits := len(strings.Trim(strings.Replace(s, ".", "", 1), "0"))
	return n + (digits+1)/2
}
