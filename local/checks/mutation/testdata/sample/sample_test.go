package sample

import "testing"

func TestBelow(t *testing.T) {
	if Below(2, 2) || !Below(1, 2) {
		t.Error("wrong")
	}
}

func TestPositive(t *testing.T) {
	if !Positive(5) || Positive(-5) || Larger(3, 2) != 3 {
		t.Error("wrong")
	}
}

func TestSum(t *testing.T) {
	if got := Sum([]int{4, 5}, map[string]int{}); got != 21 {
		t.Error(got)
	}
}
