package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "build-statements", handler{}.routes())
}
