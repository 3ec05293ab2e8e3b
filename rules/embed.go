// Package rules carries the law as dated data inside the binary, so that a function that starts without reach of
// the rules bucket still has a pack it can check.
package rules

import "embed"

// Files holds the national pack below "national".
//
//go:embed national
var Files embed.FS
