// Package e2e holds tests only; this file lets it be built like any other package.
package e2e
