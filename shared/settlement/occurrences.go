package settlement

// Occurrences are settlements by id. They serve to follow a reopened payable from one occurrence to
// the next.
type Occurrences map[string]Settlement

// OccurrencesOf gathers settlements by their ids.
func OccurrencesOf(all []Settlement) Occurrences {
	o := make(Occurrences, len(all))
	for _, s := range all {
		o[s.ID] = s
	}
	return o
}

// FirstID returns the id of the first occurrence of the payable of a settlement. An id that is not
// among the occurrences is returned unchanged.
func (o Occurrences) FirstID(id string) string {
	for s, ok := o[id]; ok && s.Reopens != ""; s, ok = o[id] {
		id = string(s.Reopens)
	}
	return id
}

// LastOf returns the last occurrence of the payable of s that is among the occurrences.
func (o Occurrences) LastOf(s Settlement) Settlement {
	for s.ReopenedBy != "" {
		next, ok := o[string(s.ReopenedBy)]
		if !ok {
			break
		}
		s = next
	}
	return s
}
