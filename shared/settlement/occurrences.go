package settlement

// Occurrences are settlements by id. Through them a payable that was reopened is followed from one
// occurrence to another.
type Occurrences map[string]Settlement

// OccurrencesOf gathers settlements by their ids.
func OccurrencesOf(all []Settlement) Occurrences {
	o := make(Occurrences, len(all))
	for _, s := range all {
		o[s.ID] = s
	}
	return o
}

// First is the id of the occurrence by which a payable was opened first; an id that is not among
// them, "" too, stays as it is.
func (o Occurrences) First(id string) string {
	for s, ok := o[id]; ok && s.Reopens != ""; s, ok = o[id] {
		id = string(s.Reopens)
	}
	return id
}

// Last is the occurrence that stands for a payable now.
func (o Occurrences) Last(s Settlement) Settlement {
	for s.ReopenedBy != "" {
		next, ok := o[string(s.ReopenedBy)]
		if !ok {
			break
		}
		s = next
	}
	return s
}
