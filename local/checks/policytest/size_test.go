package policytest

import (
	"slices"
	"testing"
)

// The limits are ours, below those of CloudFormation (500 resources, 1 MB), so that there is time to split the stack.
const (
	mostResources = 450
	mostBytes     = 800_000
)

func TestTheStackHasRoomLeft(t *testing.T) {
	tpl := load(t)
	count := len(tpl.resources)
	for _, f := range tpl.of("AWS::Serverless::Function") {
		events, _ := f.properties["Events"].(object)
		count += len(events) // SAM makes an event source mapping of each
	}
	if count >= mostResources {
		t.Errorf("%d resources; CloudFormation ends at 500: split the stack", count)
	}
	if tpl.size > mostBytes {
		t.Errorf("%d bytes; CloudFormation ends at 1 MB", tpl.size)
	}
	t.Logf("%d resources, %d of them written by SAM, %d bytes", count, count-len(tpl.resources), tpl.size)
}

// Loops must be written out before SAM reads the functions: the documentation of AWS asks for this order, and neither
// linters nor the local AWS object to the other one.
func TestLoopsComeBeforeSAM(t *testing.T) {
	if order := load(t).transforms; !slices.Equal(order, []string{"AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"}) {
		t.Errorf("transforms: %v", order)
	}
}
