// Package policytest checks template.yaml: permissions, dead letters, alarms, routes, tags and
// size. It holds tests only.
package policytest
