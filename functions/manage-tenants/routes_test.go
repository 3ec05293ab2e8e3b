package main

import (
	"testing"

	"fenzhang/shared/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "manage-tenants", routes(&service{}, openings{}))
}
