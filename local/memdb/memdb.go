// Package memdb is DynamoDB in memory: the same calls, conditions, errors and streams as the service, in one process
// and without a clock of its own, so that a simulation can run the real adapters and decide what fails and when.
package memdb
