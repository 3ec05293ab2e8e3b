package main

// random is a small seeded random generator (splitmix64). The samples are committed, so that the
// numbers must not change with the standard library.
type random struct{ state uint64 }

// next returns the next number of the splitmix64 generator.
func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number from 0 to n-1.
func (r *random) below(n int) int { return int(r.next() % uint64(n)) }

// between returns a number from lo to hi, both included.
func (r *random) between(lo, hi int64) int64 { return lo + int64(r.next()%uint64(hi-lo+1)) }

// chance returns true in percent of a hundred cases.
func (r *random) chance(percent int) bool { return r.below(100) < percent }

// pickRandom returns one of the items.
func pickRandom[T any](r *random, items []T) T { return items[r.below(len(items))] }

// shuffle puts the items into a random order.
func shuffle[T any](r *random, items []T) {
	for i := len(items) - 1; i > 0; i-- {
		j := r.below(i + 1)
		items[i], items[j] = items[j], items[i]
	}
}

// splitTotal splits total into n positive parts that are multiples of step; the last part takes
// the rest that step does not divide. The total must be at least n times step.
func (r *random) splitTotal(total int64, n int, step int64) []int64 {
	weights := make([]int64, n)
	var sum int64
	for i := range weights {
		weights[i] = r.between(40, 100)
		sum += weights[i]
	}
	out := make([]int64, n)
	rest := total
	for i := range out[:n-1] {
		out[i] = max(step, total*weights[i]/sum/step*step)
		rest -= out[i]
	}
	out[n-1] = rest
	return out
}
