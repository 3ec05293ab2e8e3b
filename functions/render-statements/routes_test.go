package main

import (
	"testing"

	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/statement/paperapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.Serves(t, "render-statements", paperapi.API{}.Routes())
}
