package main

import (
	"testing"

	"fenzhang/shared/auditlog"
	"fenzhang/shared/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "write-audit", auditlog.Routes(nil))
}
