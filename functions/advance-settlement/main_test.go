package main

import (
	"testing"

	"fenzhang/local/settletest"
	"fenzhang/shared/settlement"
)

func TestSampleIsATask(t *testing.T) { settletest.SampleTask(t, settlement.OpAdvance) }
