// Package e2e tests the running stack through its HTTP API, from income to payment. It holds tests
// only.
package e2e
