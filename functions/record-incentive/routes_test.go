package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "record-incentive", routes(nil, nil))
}
