// Package sample is code whose mutants are known.
package sample

import "time"

const week = 3 + 4

// Price is a named number.
type Price int64

// Below is tested on both sides of its edge.
func Below(a, b Price) bool { return a < b }

// Positive is tested far from its edge.
func Positive(n int) bool { return n > 0 }

// Sum counts; its step and its addition are noticed.
func Sum(list []int, counts map[string]int) (sum int) {
	for i := 0; i != len(list); i++ {
		counts["steps"]++
		sum += counts["steps"] + list[i]*2
	}
	return sum
}

// Days is never called.
func Days(d time.Duration) time.Duration { return -d / (24 * time.Hour * week) }

// Larger gives the larger of two; where they are equal, either will do.
func Larger(a, b int) int {
	if a < b {
		return b
	}
	return a
}
