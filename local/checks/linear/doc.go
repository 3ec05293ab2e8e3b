// Package linear checks that concurrent settle calls and concurrent moves of a settlement look as
// if they had been made one after the other (linearizability), against the local AWS.
package linear
