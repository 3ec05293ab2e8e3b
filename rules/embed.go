// Package rules carries the law as dated data inside the binary, so that a function that starts
// without reach of the rules bucket still has packs it can check.
package rules

import "embed"

//go:generate go run ./prepare

// Files holds the national pack below "national" and one pack per jurisdiction below its six
// digits.
//
//go:embed national [1-6][0-9][0-9][0-9][0-9][0-9]
var Files embed.FS

// Prepared holds all packs as they were read and checked when they were last generated: reading
// JSON takes a cold start a tenth of the time that reading the rule files does.
//
//go:embed prepared
var Prepared embed.FS
