package fault

// Problems collects everything that is wrong with an input, so that one answer lists all of it.
type Problems []Field

// Add records a problem of a field.
func (p *Problems) Add(field, problem string) {
	*p = append(*p, Field{Field: field, Problem: problem})
}

// AddIf records a problem of a field when wrong is true.
func (p *Problems) AddIf(wrong bool, field, problem string) {
	if wrong {
		p.Add(field, problem)
	}
}

// Err returns the refusal 2001 with all recorded problems; nil when there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return Invalid(p...)
}
