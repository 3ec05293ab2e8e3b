// Package rules embeds the law as dated data files in the binary, so that a function that cannot
// reach the rules bucket at its start still has packs that it can verify.
package rules

import "embed"

//go:generate go run ./prepare

// Files has the national pack in the folder "national" and one pack for each jurisdiction in a
// folder named by its six-digit code.
//
//go:embed national [1-6][0-9][0-9][0-9][0-9][0-9]
var Files embed.FS

// Prepared has the parsed and checked form of all packs as JSON, written by go generate. Reading it
// takes a cold start a tenth of the time that reading the rule files takes.
//
//go:embed prepared
var Prepared embed.FS
