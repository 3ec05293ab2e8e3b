package taxapi

import (
	"errors"
	"strings"

	"fenzhang/shared/fault"
	"fenzhang/shared/input/strictjson"
)

// body reads a request and collects everything that is wrong with it, so that one answer names all
// of it.
type body struct{ problems []fault.Field }

// read decodes into the pointer; ok is false when nothing could be read at all.
func (b *body) read(data []byte, into any) (ok bool) {
	b.problems = strictjson.Decode(data, into)
	for _, p := range b.problems {
		if p.Field == "" {
			return false
		}
	}
	return true
}

// add notes a problem of a field, unless the field, or one that it lies in or that lies in it, has
// one already.
func (b *body) add(field, problem string) {
	for _, p := range b.problems {
		if p.Field == field || strings.HasPrefix(p.Field, field+".") ||
			strings.HasPrefix(field, p.Field+".") {
			return
		}
	}
	b.problems = append(b.problems, fault.Field{Field: field, Problem: problem})
}

// need notes a problem unless ok holds.
func (b *body) need(ok bool, field, problem string) {
	if !ok {
		b.add(field, problem)
	}
}

// adopt takes over the problems that another check of the same facts found, under the names of the
// body; err may be nil or an error of another kind, which is left for later.
func (b *body) adopt(err error, names map[string]string) {
	for _, p := range problemsOf(err) {
		field, known := names[p.Field]
		if !known {
			field = p.Field
		}
		if field != "" {
			b.add(field, p.Problem)
		}
	}
}

// refusal is the answer to a body with problems, nil when there are none.
func (b *body) refusal() error {
	if len(b.problems) == 0 {
		return nil
	}
	return fault.Invalid(b.problems...)
}

func problemsOf(err error) []fault.Field {
	var e *fault.Error
	if errors.As(err, &e) && e.Code == fault.InvalidInput {
		return e.Fields
	}
	return nil
}

// isIncomeType tells whether a text can be a tenant's word for a type of income.
func isIncomeType(s string) bool {
	const shortest, longest = 2, 40
	return len(s) >= shortest && len(s) <= longest && s[0] >= 'a' && s[0] <= 'z' &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// isWord tells whether a text can be a word of the rules, such as an industry or a platform.
func isWord(s string) bool {
	const longest = 64
	return len(s) <= longest && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == ""
}
