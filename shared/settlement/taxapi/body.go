package taxapi

import (
	"errors"
	"strings"

	"fenzhang/shared/fault"
	"fenzhang/shared/input/strictjson"
)

// decodeBody decodes the JSON of a request's body and validates its fields, so that one error lists
// all problems of the body. When the body as a whole cannot be read, validate is not called,
// because then all fields are empty.
func decodeBody(data []byte, into any, validate func(*fault.Problems)) error {
	decoded := fault.Problems(strictjson.Decode(data, into))
	for _, p := range decoded {
		if p.Field == "" {
			return decoded.Err()
		}
	}
	var found fault.Problems
	validate(&found)
	return appendUnrelated(decoded, found).Err()
}

// appendUnrelated appends the found problems to a list, without those of a field that already has a
// problem, or that contains or lies in such a field: they are consequences of the first problem.
func appendUnrelated(list, found fault.Problems) fault.Problems {
	for _, p := range found {
		related := false
		for _, q := range list {
			related = related || q.Field == p.Field || strings.HasPrefix(q.Field, p.Field+".") ||
				strings.HasPrefix(p.Field, q.Field+".")
		}
		if !related {
			list = append(list, p)
		}
	}
	return list
}

// addInputProblems adds the problems that the tax engine found in its facts, under the field names
// of the request's body. The problem of a field that names maps to "" is dropped; a field that is
// not in names keeps the engine's name. An error of another kind adds nothing, because the
// computation returns it again.
func addInputProblems(p *fault.Problems, err error, names map[string]string) {
	for _, x := range inputProblems(err) {
		field, known := names[x.Field]
		if !known {
			field = x.Field
		}
		if field != "" {
			p.Add(field, x.Problem)
		}
	}
}

// inputProblems returns the problems of an error with code fault.InvalidInput, and nil for any
// other error.
func inputProblems(err error) []fault.Field {
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.InvalidInput {
		return e.Fields
	}
	return nil
}

// isIncomeType reports whether a text has the form of an income type: 2 to 40 letters, digits and
// underscores, a letter first.
func isIncomeType(s string) bool {
	const shortest, longest = 2, 40
	return len(s) >= shortest && len(s) <= longest && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// isRuleName reports whether a text has the form of a name in the tax rules, such as an industry or
// a platform. The empty text has this form.
func isRuleName(s string) bool {
	const longest = 64
	return len(s) <= longest && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
