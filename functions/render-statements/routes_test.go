package main

import (
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/paperapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "render-statements", paperapi.API{}.Routes())
}
