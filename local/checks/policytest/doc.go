// Package policytest holds tests only; this file lets it be built like any other package.
package policytest
