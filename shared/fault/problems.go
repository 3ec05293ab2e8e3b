package fault

// Problems gathers all that is wrong with an input, so that one answer lists all of it.
type Problems []Field

// Add notes a problem of a field.
func (p *Problems) Add(field, problem string) {
	*p = append(*p, Field{Field: field, Problem: problem})
}

// AddIf notes a problem of a field when something is wrong with it.
func (p *Problems) AddIf(wrong bool, field, problem string) {
	if wrong {
		p.Add(field, problem)
	}
}

// Err returns the InvalidInput error that lists the problems; nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return Invalid(p...)
}
