// Package linear checks that concurrent settle calls and concurrent moves of a settlement have
// the same results as if the calls had been made one after the other (linearizability). Its tests
// run against the local AWS.
package linear
