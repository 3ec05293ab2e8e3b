// Package ident has a type for each kind of identifier, so that the compiler refuses an identifier
// of one kind where another kind is expected.
package ident

// Tenant is the identifier of an agency (机构), at most 32 characters.
type Tenant string

// Settlement is the identifier of a settlement (结算单).
type Settlement string

// Entity is the identifier of a paying entity (结算主体) of a tenant.
type Entity string

// Taxpayer is the identifier of a taxpayer (纳税人) of a tenant.
type Taxpayer string

// Creator is the identifier of a creator (达人) of a tenant.
type Creator string

// Pattern is the regular expression of identifiers that clients choose or send: 1 to 64 characters.
const Pattern = `^[A-Za-z0-9_-]{1,64}$`

// Valid reports whether a text has the shape of an identifier.
// It is written as a loop and not with a regular expression, because it runs three times for each
// recorded event.
func Valid[T ~string](id T) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ToTexts returns identifiers as plain texts, for messages and stored sets.
func ToTexts[T ~string](ids []T) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = string(id)
	}
	return texts
}

// FromTexts returns plain texts as identifiers.
func FromTexts[T ~string](texts []string) []T {
	var ids []T
	for _, text := range texts {
		ids = append(ids, T(text))
	}
	return ids
}
