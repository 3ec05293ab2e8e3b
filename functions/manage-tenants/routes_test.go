package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-tenants", routes(&service{}, openings{}))
}
