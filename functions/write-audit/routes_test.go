package main

import (
	"testing"

	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/lambda/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "write-audit", auditlog.Routes(nil))
}
